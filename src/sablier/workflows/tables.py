"""Tables, written at once, or as a stream goes by; they take their names when they are whole."""

import csv
import io
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO

from sablier.errors import OutputError
from sablier.files import write_whole


def as_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    r"""Return rows of the same columns as a CSV file.

    >>> as_csv([{"id": "a", "score": 0.5}])
    b'id,score\r\na,0.5\r\n'
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode(errors="backslashreplace")


def as_json(document: Mapping[str, Any]) -> bytes:
    """Return a document as a JSON file that people can read."""
    return (json.dumps(document, indent=1) + "\n").encode()


class Tabled(Protocol):
    """A result as rows, and as a document."""

    def to_table(self) -> list[dict[str, Any]]: ...
    def to_json(self) -> dict[str, Any]: ...


def write_tables(folder: Path, name: str, result: Tabled) -> None:
    """Write a result as `name`.csv and `name`.json.

    Raises:
        OutputError: where they cannot be written.
    """
    write_whole(folder / f"{name}.csv", as_csv(result.to_table()))
    write_whole(folder / f"{name}.json", as_json(result.to_json()))


class StreamedTables:
    """Appends rows to an open CSV file and, as the list `key`, to an open JSON document."""

    def __init__(self, table: TextIO, document: TextIO, key: str) -> None:
        self.table, self.document, self.key = csv.writer(table), document, key
        self.started = False

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write rows, all of the same columns."""
        if rows and not self.started:
            self.table.writerow(rows[0])
        self.table.writerows(row.values() for row in rows)
        for row in rows:
            self.document.write((",\n" if self.started else f'{{"{self.key}": [\n') + json.dumps(row))
            self.started = True

    def close(self, summary: Mapping[str, Any]) -> None:
        """End the document with a summary; at least one row must have been written."""
        self.document.write("\n],\n" + json.dumps(summary, indent=1)[2:] + "\n")


class WaitingRows:
    """Keeps rows on disk until what completes them is known, at the end of the stream."""

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
    """Open a place for rows in a folder; it vanishes by itself, even where the program is killed."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", dir=folder) as file:
        yield WaitingRows(file)


@contextmanager
def streamed_tables(folder: Path, table: str, document: str, key: str) -> Iterator[StreamedTables]:
    """Open both in a folder, as *.part, and rename them when all is written.

    Raises:
        OutputError: where the folder cannot be written.
    """
    parts = [folder / f"{name}.part" for name in (table, document)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (
            parts[0].open("w", newline="", encoding="utf-8", errors="backslashreplace") as rows,
            parts[1].open("w", encoding="utf-8") as text,
        ):
            yield StreamedTables(rows, text, key)
        for part in parts:
            part.replace(part.with_suffix(""))
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}. Choose another folder with -o.") from error
