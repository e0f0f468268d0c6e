"""Tables and documents, written at once or while a stream is read; they are renamed when complete."""

import io
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO

from sablier.errors import OutputError
from sablier.files import write_whole
from sablier.files.cells import TableWriter, csv_text
from sablier.files.whole import Part


def as_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    r"""Return rows of the same columns as a CSV file.

    >>> as_csv([{"id": "a", "score": 0.5}])
    b'id,score\r\na,0.5\r\n'
    """
    columns = list(rows[0]) if rows else []
    return csv_text([columns, *([row[column] for column in columns] for row in rows)]).encode()


def as_json(document: Mapping[str, Any]) -> bytes:
    """Return a document as a readable JSON file."""
    return (json.dumps(document, indent=1) + "\n").encode()


class Tabled(Protocol):
    """A result as rows and as a document."""

    def to_table(self) -> list[dict[str, Any]]: ...
    def to_json(self) -> dict[str, Any]: ...


def write_tables(folder: Path, name: str, result: Tabled) -> None:
    """Write a result as `name`.csv and `name`.json.

    Raises:
        OutputError: if they cannot be written.
    """
    write_whole(folder / f"{name}.csv", as_csv(result.to_table()))
    write_whole(folder / f"{name}.json", as_json(result.to_json()))


class StreamedTables:
    """Appends rows to an open CSV file and, as the list `key`, to an open JSON document.

    Args:
        table, document: the open files.
        key: the name of the list.
        columns: what stands in the first line of the table where no row comes.
    """

    def __init__(self, table: TextIO, document: TextIO, key: str, columns: Sequence[str] = ()) -> None:
        self.table, self.document, self.key, self.columns = TableWriter(table), document, key, columns
        self.started = False

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write rows, all of the same columns."""
        if rows and not self.started:
            self.table.write([rows[0]])
        self.table.write(row.values() for row in rows)
        for row in rows:
            self.document.write((",\n" if self.started else f'{{"{self.key}": [\n') + json.dumps(row))
            self.started = True

    def close(self, summary: Mapping[str, Any]) -> None:
        """End the document with a summary."""
        if not self.started:
            self.table.write([self.columns] if self.columns else [])
            self.document.write(f'{{"{self.key}": [')
        self.document.write("\n],\n" + json.dumps(summary, indent=1)[2:] + "\n")


class WaitingRows:
    """Keeps rows on disk until they can be completed at the end of the stream."""

    def __init__(self, file: TextIO) -> None:
        self.file = file

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep rows."""
        self.file.writelines(json.dumps(row) + "\n" for row in rows)

    def take(self) -> Iterator[dict[str, Any]]:
        """Yield all rows, in their order."""
        self.file.seek(0)
        yield from map(json.loads, self.file)


@contextmanager
def waiting_rows(folder: Path) -> Iterator[WaitingRows]:
    """Open a temporary file for rows in a folder; it disappears even if the program is killed."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", dir=folder) as file:
        yield WaitingRows(file)


@contextmanager
def whole_table(path: Path) -> Iterator[TableWriter]:
    """Open a CSV file that gets its name when it is complete.

    Raises:
        OutputError: if it cannot be written.
    """
    try:
        with Part(path) as part:
            with _as_text(part, newline="") as text:
                yield TableWriter(text)
            part.finish()
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{path} could not be written: {error.strerror or error}.") from error


@contextmanager
def streamed_tables(folder: Path, table: str, document: str, key: str, columns: Sequence[str] = ()) -> Iterator[StreamedTables]:
    """Open both in a folder under temporary names, and rename them when complete; until then nothing is replaced.

    Raises:
        OutputError: if the folder cannot be written.
    """
    try:
        with Part(folder / table) as rows, Part(folder / document) as text:
            with _as_text(rows, newline="") as opened, _as_text(text) as other:
                yield StreamedTables(opened, other, key, columns)
            for part in (rows, text):
                part.finish()
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}. Choose another folder with -o.") from error


@contextmanager
def _as_text(part: Part, newline: str | None = None) -> Iterator[TextIO]:
    """Write text into an unfinished file, which stays open."""
    text = io.TextIOWrapper(part.file, "utf-8", "backslashreplace", newline)
    try:
        yield text
    finally:
        text.detach()
