"""CSV: one flattened image per row, with or without a header row, labels in a column, in another file, or without.

Values are integers or decimals from 0 to 255, or from 0 to 1; the whole file decides: they are 0 to 1 if no value is above
1. Streamed, the first chunk decides, and a later value that contradicts it is an error. Columns are separated by commas,
semicolons, tabs or spaces; unless by commas, a comma in a number is its decimal point. Blank lines, lines that start with
`#` and Excel's `sep=;` are ignored, except for column names in the comment just above the first row. A separator at the end
of every row, and the index that pandas writes as a column without a name, are left out. The file is UTF-8, or UTF-16 with
its mark. `NAME_labels.csv` beside `NAME_data.csv` has its labels.
"""

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

import numpy as np

from sablier.errors import ImagesError, nearest
from sablier.images.formats import Format, Options, add_format
from sablier.images.formats.base import numbered, readable
from sablier.images.imageset import ImageSet
from sablier.images.labels import LABEL_NAMES, given_labels, read_labels
from sablier.typing import Array

BLOCK_ROWS = 4096
EXCEL_SEPARATOR = re.compile(r"sep=.", re.IGNORECASE)
DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class _Layout:
    """The layout of a file.

    Args:
        delimiter: None for spaces, however many.
        columns: of a row, without an empty one after a separator at its end.
        header: whether the first row that is no comment has names.
        trailing: whether rows end in a separator.
        label, index: the columns of the label, and of pandas' index, which is left out.
    """

    path: Path
    delimiter: str | None
    columns: int
    header: bool
    trailing: bool
    label: int | None
    index: int | None

    @property
    def values(self) -> int:
        """The number of columns with values."""
        return self.columns - (self.label is not None) - (self.index is not None)


def stream_csv(path: Path, options: Options, chunk: int | None) -> Iterator[ImageSet]:
    """Yield the images of a CSV file.

    Raises:
        ImagesError: naming file and line, for ragged rows, text, NaN and values out of range; for labels of another length;
            for an empty file.
    """
    with readable(path, "a CSV file"):
        layout = _layout(path, options.label_column)
        labels = given_labels(options.labels)
        if labels is not None and layout.label is not None and options.label_column is not None:
            raise ImagesError(f"{path}: expected labels from a column or from elsewhere, got both. Pass one of them.")
        beside = path.with_name(path.name.replace("_data.", "_labels."))
        if labels is None and layout.label is None and beside != path and beside.is_file():
            labels = read_labels(beside)
        blocks = _blocks(layout, BLOCK_ROWS if chunk is None else chunk)
        if chunk is None:
            blocks = iter([_joined(list(blocks))])
        if layout.label is None or labels is not None:
            yield from numbered(_scaled((pixels for pixels, _ in blocks), path), labels, str(path), options.shape)
        else:
            yield from _with_own_labels(layout, blocks, options)


add_format(
    Format(
        "CSV",
        lambda name: name.endswith((".csv", ".tsv", ".txt")),
        lambda head: bool(head) and all(byte in b"0123456789.,;\t\r\n eE+-" for byte in head),
        stream_csv,
        frozenset({"label_column", "labels", "shape"}),
    )
)


def _with_own_labels(layout: _Layout, blocks: Iterator[tuple[Array, Array]], options: Options) -> Iterator[ImageSet]:
    kept: list[Array] = []

    def pixels() -> Iterator[Array]:
        for block, labels in blocks:
            kept.append(labels)
            yield block

    for images in numbered(_scaled(pixels(), layout.path), None, str(layout.path), options.shape):
        yield ImageSet(images.pixels, ids=images.ids, labels=kept.pop(), source=images.source)


def _joined(blocks: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Return all rows as one block; a single decimal makes them all decimals."""
    pixels = np.concatenate([pixels for pixels, _ in blocks])
    return pixels, np.concatenate([labels for _, labels in blocks])


def _scaled(blocks: Iterator[Array], path: Path) -> Iterator[Array]:
    """Yield uint8 for integers to 255, else float32 in [0, 1]; the first block decides for all."""
    kind = None
    for block in blocks:
        came = "0 to 1" if block.max() <= 1 else "whole numbers to 255" if block.dtype == np.uint8 else "decimals to 255"
        kind = kind or came
        if kind == "0 to 1" and came != kind:
            raise ImagesError(
                f"{path}: expected values from 0 to 1, as in the first {len(block)} rows, got {block.max():g} further on. "
                "Read the file whole, or stream it in larger chunks."
            )
        if kind == "whole numbers to 255" and block.dtype != np.uint8:
            raise ImagesError(
                f"{path}: expected whole numbers from 0 to 255, as in the first rows, got decimals further on. "
                "Read the file whole, or stream it in larger chunks."
            )
        if kind == "whole numbers to 255":
            yield block
        else:
            yield block.astype(np.float32) / np.float32(1 if kind == "0 to 1" else 255)


def _blocks(layout: _Layout, size: int) -> Iterator[tuple[Array, Array]]:
    """Yield (N,D values, N labels); values are uint8 if all of the block are integers, else float32."""
    with _open(layout.path) as stream:
        numbered_lines = _rows(stream)
        if layout.header:
            next(numbered_lines)
        rows_seen = False
        while taken := list(islice(numbered_lines, size)):
            rows_seen = True
            numbers = [number for number, _ in taken]
            lines = [line for _, line in taken]
            labels, lines = _without_labels(layout, numbers, lines)
            yield _values(layout, numbers, lines), labels
    if not rows_seen:
        raise ImagesError(f"{layout.path}: expected one image a row, got a header and no rows.")


def _open(path: Path) -> TextIO:
    with open(path, "rb") as stream:
        head = stream.read(4)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return open(path, encoding="utf-16", newline=None)
    if b"\0" in head:
        raise ImagesError(f"{path}: expected text in UTF-8, got what looks like UTF-16 without its mark. Save it as UTF-8.")
    return open(path, encoding="utf-8-sig", newline=None)


def _rows(stream: TextIO) -> Iterator[tuple[int, str]]:
    """Yield number and text of the lines that are no comments."""
    return ((number, line) for number, line in enumerate(stream, 1) if not _is_comment(line))


def _is_comment(line: str) -> bool:
    text = line.strip()
    return not text or text.startswith("#") or EXCEL_SEPARATOR.fullmatch(text) is not None


def _cells(line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return line.split()
    text = line.rstrip("\n")
    return next(csv.reader([text], delimiter=delimiter)) if '"' in text else text.split(delimiter)


def _cells_of(layout: _Layout, line: str) -> list[str]:
    """Return the cells of a row, without an empty one after a separator at its end."""
    cells = _cells(line, layout.delimiter)
    return cells[:-1] if layout.trailing and len(cells) == layout.columns + 1 and not cells[-1].strip() else cells


def _without_labels(layout: _Layout, numbers: list[int], lines: list[str]) -> tuple[Array, list[str]]:
    """Remove the label column, the index and separators at the end from the lines."""
    if layout.label is None and layout.index is None and not layout.trailing:
        return np.full(len(lines), "", dtype=str), lines
    labels, rests = [], []
    for number, line in zip(numbers, lines, strict=True):
        cells = _cells_of(layout, line)
        if len(cells) != layout.columns:
            raise _ragged(layout, number, len(cells))
        labels.append("" if layout.label is None else cells[layout.label].strip())
        rest = (cell for place, cell in enumerate(cells) if place not in (layout.label, layout.index))
        rests.append((layout.delimiter or " ").join(rest))
    return np.array(labels, str), rests


def _values(layout: _Layout, numbers: list[int], lines: list[str]) -> Array:
    if layout.delimiter != ",":
        lines = [_with_points(layout, number, line) for number, line in zip(numbers, lines, strict=True)]
    try:
        values = np.loadtxt(lines, np.float32, delimiter=layout.delimiter, comments=None, ndmin=2, quotechar='"')
    except ValueError as error:
        raise _bad_line(layout, numbers, lines) from error
    if values.shape != (len(lines), layout.values):
        raise _bad_line(layout, numbers, lines)
    wrong = ~((values >= 0) & (values <= 255))  # also true for NaN
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ImagesError(
            f"{layout.path}, line {numbers[row]}: expected values from 0 to 255 (or 0 to 1), got {values[row, column]:g} "
            f"in value {column + 1}."
        )
    whole = values.astype(np.uint8)
    return whole if np.array_equal(whole, values) else values


def _with_points(layout: _Layout, number: int, line: str) -> str:
    """Return a line with points for decimal commas."""
    if "," not in line:
        return line
    if "." in line:
        raise ImagesError(
            f"{layout.path}, line {number}: expected decimals with a comma or with a point, got both. Write them in one way."
        )
    return line.replace(",", ".")


def _bad_line(layout: _Layout, numbers: list[int], lines: list[str]) -> ImagesError:
    """Return the error of the line that could not be read."""
    for number, line in zip(numbers, lines, strict=True):
        cells = _cells(line, layout.delimiter)
        if len(cells) != layout.values:
            return _ragged(layout, number, len(cells) + layout.columns - layout.values)
        for cell in cells:
            if not _is_number(cell):
                return ImagesError(
                    f"{layout.path}, line {number}: expected numbers, got {cell.strip()[:40]!r}.{_looks_like(layout, cell)}"
                )
    return ImagesError(f"{layout.path}, lines {numbers[0]} to {numbers[-1]}: expected {layout.values} numbers a row, got others.")


def _looks_like(layout: _Layout, cell: str) -> str:
    """Return what a cell that is no number resembles."""
    text = cell.strip().strip('"')
    if not text:
        return " A value is missing there: fill it in."
    if text[0] in "<{[":
        return " It looks like HTML or JSON: export it as CSV."
    if "|" in text:
        return " Columns look separated by |: separate them by commas."
    if DECIMAL_COMMA.fullmatch(text):
        return " It looks like a number with a decimal comma: separate columns by semicolons."
    return " If it is a label, pass label_column." if layout.label is None else ""


def _ragged(layout: _Layout, number: int, came: int) -> ImagesError:
    return ImagesError(f"{layout.path}, line {number}: expected {layout.columns} columns as in the first row, got {came}.")


def _is_number(cell: str, delimiter: str | None = ",") -> bool:
    text = cell.strip().strip('"')
    try:
        float(text if delimiter == "," else text.replace(",", ".", 1))
    except ValueError:
        return False
    return "_" not in cell


def _layout(path: Path, label_column: str | int | None) -> _Layout:
    """Decide from the first rows: the separator, whether there are names, and the columns of the label and an index."""
    names, lines = _first_lines(path)
    if not lines:
        raise ImagesError(f"{path}: expected one image a row, but the file is empty.")
    delimiter = _delimiter(lines[0])
    rows = [[cell.strip() for cell in _cells(line, delimiter)] for line in lines]
    cells = rows[0]
    trailing = len(cells) > 2 and not cells[-1] and bool(cells[-2])
    cells = cells[:-1] if trailing else cells
    columns = len(cells)
    trailing = trailing or (len(rows) > 1 and len(rows[1]) == columns + 1 and not rows[1][-1])
    number = label_column if isinstance(label_column, int) else None
    if number is not None:
        if not -columns <= number < columns:
            raise ImagesError(f"{path}: expected a label column from {-columns} to {columns - 1}, got {number}.")
        number %= columns
    header = any(not _is_number(cell, delimiter) for position, cell in enumerate(cells) if position != number)
    commented = [] if header else [cell.strip() for cell in _cells(names, delimiter)]
    named = cells if header else commented if len(commented) == columns else []
    if isinstance(label_column, str):
        if label_column not in named:
            known = (
                f"{nearest(label_column, named)} Columns start: {', '.join(named[:6])}." if named else " It has no header row."
            )
            raise ImagesError(f"{path}: no column {label_column!r}.{known}")
        number = named.index(label_column)
    elif number is None:
        number = next((position for position, cell in enumerate(named) if cell.lower() in LABEL_NAMES), None)
    index = 0 if header and number != 0 and _is_index(path, rows, cells) else None
    if columns - (number is not None) - (index is not None) < 2:
        raise ImagesError(
            f"{path}: expected one image a row, got one value a row, which looks like labels. Pass the images' file."
        )
    return _Layout(path, delimiter, columns, header, trailing, number, index)


def _first_lines(path: Path) -> tuple[str, list[str]]:
    """Return the last comment before the first row, without its mark, and the first two rows."""
    names, rows = "", []
    with _open(path) as stream:
        for line in stream:
            if not _is_comment(line):
                rows.append(line)
            elif not rows and line.strip().startswith("#"):
                names = line.strip().lstrip("#").strip()
            if len(rows) == 2:
                break
    return names, rows


def _delimiter(line: str) -> str | None:
    """Return what separates the columns of a row; None for spaces.

    A semicolon or tab does if each cell beside it is a number, perhaps with a decimal comma, or a word without any.

    >>> [_delimiter(line) for line in ("0,5;1,25", "a;b,1,2", "1 2  3", "1, 2, 3")]
    [';', ',', None, ',']
    """
    for mark in (";", "\t", None):
        cells = [cell.strip() for cell in line.split(mark)]
        if len(cells) > 1 and all("," not in cell or DECIMAL_COMMA.fullmatch(cell) for cell in cells):
            return mark
    return ","


def _is_index(path: Path, rows: list[list[str]], names: list[str]) -> bool:
    """Return whether the first column is the index that pandas writes, without a name.

    Raises:
        ImagesError: if the first row may as well be one whose first value is missing.
    """
    if names[0] not in ("", "Unnamed: 0"):
        return False
    if names[0] == "" and all(map(_is_number, names[1:])) and names[1:] != [str(place) for place in range(len(names) - 1)]:
        raise ImagesError(
            f"{path}: expected names or numbers in the first row, got numbers of which the first is missing. Add it."
        )
    return len(rows) > 1 and bool(rows[1][0])
