"""CSV: one flattened image a row, with or without a header row, labels in a column, in another file, or nowhere.

Values are whole numbers or decimals from 0 to 255, or from 0 to 1; which is decided from the whole file: where no value
is above 1 they are 0 to 1. Streamed, the first chunk decides, and a later value that contradicts it is an error.
Columns are separated by commas, semicolons or tabs. Blank lines are passed over. Labels of `NAME_data.csv` are taken
from `NAME_labels.csv` beside it.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

import numpy as np

from sablier.errors import ImagesError, nearest
from sablier.images.formats import Format, Options, numbered, readable
from sablier.images.imageset import Array, ImageSet
from sablier.images.labels import LABEL_NAMES, given_labels, read_labels

BLOCK_ROWS = 4096


@dataclass(frozen=True)
class _Layout:
    path: Path
    delimiter: str
    columns: int
    header: bool
    label: int | None


def stream_csv(path: Path, options: Options, chunk: int | None) -> Iterator[ImageSet]:
    """Yield the images of a CSV file.

    Raises:
        ImagesError: naming file and line, for ragged rows, text, NaN and values out of range; for labels of another
            length; for an empty file.
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


CSV = Format(
    "CSV",
    lambda name: name.endswith((".csv", ".tsv", ".txt")),
    lambda head: bool(head) and all(byte in b"0123456789.,;\t\r\n eE+-" for byte in head),
    stream_csv,
    frozenset({"label_column", "labels", "shape"}),
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
    """Return all rows as one block; a single decimal anywhere makes them all decimals."""
    pixels = np.concatenate([pixels for pixels, _ in blocks])
    return pixels, np.concatenate([labels for _, labels in blocks])


def _scaled(blocks: Iterator[Array], path: Path) -> Iterator[Array]:
    """Yield uint8 for whole numbers to 255, else float32 in [0, 1]; the first block decides for all."""
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
    """Yield (N,D values, N labels); values are uint8 where all of the block are whole, else float32."""
    with _open(layout.path) as stream:
        numbered_lines = ((number, line) for number, line in enumerate(stream, 1) if line.strip())
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
    return open(path, encoding="utf-8-sig", newline=None)


def _without_labels(layout: _Layout, numbers: list[int], lines: list[str]) -> tuple[Array, list[str]]:
    """Take the label column out of the lines."""
    if layout.label is None:
        return np.full(len(lines), "", dtype=str), lines
    labels, rests = [], []
    for number, line in zip(numbers, lines, strict=True):
        cells = next(csv.reader([line], delimiter=layout.delimiter)) if '"' in line else line.rstrip("\n").split(layout.delimiter)
        if len(cells) != layout.columns:
            raise _ragged(layout, number, len(cells))
        label = cells.pop(layout.label).strip()
        labels.append(label)
        rests.append(layout.delimiter.join(cells))
    return np.array(labels, str), rests


def _values(layout: _Layout, numbers: list[int], lines: list[str]) -> Array:
    expected = layout.columns - (layout.label is not None)
    try:
        values = np.loadtxt(lines, np.float32, delimiter=layout.delimiter, comments=None, ndmin=2, quotechar='"')
    except ValueError as error:
        raise _bad_line(layout, numbers, lines, expected) from error
    if values.shape != (len(lines), expected):
        raise _bad_line(layout, numbers, lines, expected)
    wrong = ~((values >= 0) & (values <= 255))  # also true for NaN
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ImagesError(
            f"{layout.path}, line {numbers[row]}: expected values from 0 to 255 (or 0 to 1), got {values[row, column]:g} "
            f"in value {column + 1}."
        )
    whole = values.astype(np.uint8)
    return whole if np.array_equal(whole, values) else values


def _bad_line(layout: _Layout, numbers: list[int], lines: list[str], expected: int) -> ImagesError:
    """Find the line that could not be read, and say what is wrong with it."""
    for number, line in zip(numbers, lines, strict=True):
        cells = line.rstrip("\n").split(layout.delimiter)
        if len(cells) != expected:
            return _ragged(layout, number, len(cells) + (layout.label is not None))
        for cell in cells:
            if not _is_number(cell):
                hint = " If it is a label, pass label_column." if layout.label is None else ""
                return ImagesError(f"{layout.path}, line {number}: expected numbers, got {cell.strip()[:40]!r}.{hint}")
    return ImagesError(f"{layout.path}, lines {numbers[0]} to {numbers[-1]}: expected {expected} numbers a row, got others.")


def _ragged(layout: _Layout, number: int, came: int) -> ImagesError:
    return ImagesError(f"{layout.path}, line {number}: expected {layout.columns} columns as in the first row, got {came}.")


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip().strip('"'))
    except ValueError:
        return False
    return "_" not in cell


def _layout(path: Path, label_column: str | int | None) -> _Layout:
    """Decide from the first row: the separator, whether it is a header, and which column is the label."""
    with _open(path) as stream:
        first = next((line for line in stream if line.strip()), None)
    if first is None:
        raise ImagesError(f"{path}: expected one image a row, but the file is empty.")
    delimiter = max(",;\t", key=first.count)
    cells = [cell.strip() for cell in next(csv.reader([first.rstrip("\n")], delimiter=delimiter))]
    columns = len(cells)
    index = label_column if isinstance(label_column, int) else None
    if index is not None:
        if not -columns <= index < columns:
            raise ImagesError(f"{path}: expected a label column from {-columns} to {columns - 1}, got {index}.")
        index %= columns
    header = any(not _is_number(cell) for position, cell in enumerate(cells) if position != index)
    if isinstance(label_column, str):
        if not header or label_column not in cells:
            known = (
                f"{nearest(label_column, cells)} Columns start: {', '.join(cells[:6])}." if header else " It has no header row."
            )
            raise ImagesError(f"{path}: no column {label_column!r}.{known}")
        index = cells.index(label_column)
    elif index is None and header:
        index = next((position for position, cell in enumerate(cells) if cell.lower() in LABEL_NAMES), None)
    if columns - (index is not None) < 2:
        raise ImagesError(
            f"{path}: expected one image a row, got one value a row, which looks like labels. Pass the images' file."
        )
    return _Layout(path, delimiter, columns, header, index)
