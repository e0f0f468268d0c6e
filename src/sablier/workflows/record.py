"""A CSV record of a long run: rows are on the disk when `append` returns, and a kill damages at most the last one."""

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sablier.errors import OutputError
from sablier.files.cells import csv_text, plain_cell


class Record:
    """A CSV of fixed columns that is read once and then appended to. A row is one line.

    Args:
        path: the file; created if it does not exist.
        columns: its columns. No value may contain a line end.

    Raises:
        OutputError: if it cannot be opened for writing.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path, self.columns = path, tuple(columns)
        self.end = 0
        with _written(path):
            self.file = path.open("a+b")

    def read(self) -> Iterator[dict[str, str]]:
        """Yield every row; then remove an incomplete last one, and write the header if there is none.

        Raises:
            OutputError: if the file has other columns, or is damaged before its end. It is then not changed.
        """
        header = _lines([self.columns])
        self.file.seek(0)
        first = self.file.readline(len(header) + 1)
        if first.rstrip(b"\r\n") == header.rstrip(b"\r\n") and first.endswith(b"\n"):
            self.end = len(first)
            for number, line in enumerate(self.file, 2):
                if not line.endswith(b"\n"):
                    break
                yield self._parsed(line, number)
                self.end += len(line)
        elif not header.startswith(first):
            raise OutputError(
                f"{self.path} is not a record of this kind and version: expected the columns {', '.join(self.columns)}, got "
                f"{first[:200].decode(errors='replace').strip()!r}. Choose another folder with -o."
            )
        with _written(self.path):
            self.file.truncate(self.end)
            if not self.end:
                self._write(header)

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write rows, and return when they are on the disk.

        Raises:
            OutputError: if they cannot be written, or the file was changed meanwhile.
        """
        with _written(self.path):
            ours, there = os.fstat(self.file.fileno()), os.stat(self.path)
            if not os.path.samestat(ours, there) or there.st_size != self.end:
                raise OutputError(
                    f"{self.path} was changed or replaced by somebody else while it was being written. Copy it before you "
                    "edit it. Run the same command again: it goes on from what the file says now."
                )
            self._write(_lines([[row.get(column, "") for column in self.columns] for row in rows]))

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def _write(self, data: bytes) -> None:
        _write_now(self.file.fileno(), data)
        os.fsync(self.file.fileno())
        self.end += len(data)

    def _parsed(self, line: bytes, number: int) -> dict[str, str]:
        try:
            values = [plain_cell(cell) for cell in next(csv.reader([line.decode()], strict=True))]
            return dict(zip(self.columns, values, strict=True))
        except (ValueError, StopIteration, csv.Error) as error:
            raise OutputError(
                f"{self.path}: expected a row of {len(self.columns)} columns in line {number}, got {line[:80]!r}. "
                "Remove that line, or choose another folder with -o."
            ) from error


def _write_now(descriptor: int, data: bytes) -> None:
    """Write bytes without a buffer: what a full disk refused would otherwise be written again when the file is closed."""
    while data:
        data = data[os.write(descriptor, data) :]


def _lines(rows: Sequence[Sequence[Any]]) -> bytes:
    return csv_text(rows).encode()


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """Convert errors to an OutputError that names the file."""
    try:
        yield
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{path} cannot be written: {error.strerror or error}. Choose another folder with -o.") from error
