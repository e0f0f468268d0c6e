"""Tables as CSV, written and read in one way.

Text that a spreadsheet would take for a formula gets an apostrophe in front, which `plain_cell` removes. Control characters
are escaped; line ends stay, in quotation marks.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, TextIO

from sablier.errors import ImagesError
from sablier.files.names import printable_lines

FORMULA = re.compile(r"'*[=+\-@]")
MARKED = re.compile(r"'+[=+\-@]")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def safe_cell(value: Any) -> Any:
    """Return a value as a cell of a table.

    >>> [safe_cell(value) for value in ("a.png", "=1+1", "-b.png", "'=c", "-1.5", -1.5)]
    ['a.png', "'=1+1", "'-b.png", "''=c", '-1.5', -1.5]
    """
    if not isinstance(value, str):
        return value
    text = printable_lines(value)
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text


def plain_cell(text: str) -> str:
    """Return the text that `safe_cell` was given.

    >>> [plain_cell(text) for text in ("a.png", "'=1+1", "''=c", "'quoted'")]
    ['a.png', '=1+1', "'=c", "'quoted'"]
    """
    return text[1:] if MARKED.match(text) else text


class TableWriter:
    """Writes rows into an open CSV file."""

    def __init__(self, file: TextIO) -> None:
        self.rows = csv.writer(file)

    def write(self, rows: Iterable[Iterable[Any]]) -> None:
        """Write rows of values."""
        self.rows.writerows([safe_cell(value) for value in row] for row in rows)


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """Return rows of values as CSV.

    >>> csv_text([["id", "score"], ["=a", -1]])
    "id,score\\r\\n'=a,-1\\r\\n"
    """
    text = StringIO(newline="")
    TableWriter(text).write(rows)
    return text.getvalue()


def plain_row(row: Mapping[str, str]) -> dict[str, str]:
    """Return a row that was read from CSV, with each cell as it was before it was written."""
    return {name: plain_cell(value) if isinstance(value, str) else value for name, value in row.items()}


def read_rows(path: Path, columns: Sequence[str], otherwise: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV table with certain columns, separated by commas or semicolons.

    Args:
        path: the table.
        columns: the required columns.
        otherwise: what to do if there is no such file, as a sentence.

    Raises:
        ImagesError: if it is missing, lacks a column, or is no table.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = file.readline()
            file.seek(0)
            rows = csv.DictReader(file, delimiter=";" if ";" in header and "," not in header else ",", restval="")
            missing = [name for name in columns if name not in (rows.fieldnames or [])]
            if missing:
                raise ImagesError(
                    f"{path}: expected a column {missing[0]!r}, got the columns {', '.join(rows.fieldnames or ['none'])}."
                )
            yield from map(plain_row, rows)
    except FileNotFoundError as error:
        raise ImagesError(f"{path}: no such file. {otherwise}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ImagesError(f"{path}: expected a CSV table: {error}.") from error
