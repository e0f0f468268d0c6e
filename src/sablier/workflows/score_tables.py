"""Tables of scores that any other tool wrote: CSV files with a row for each image."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from sablier.errors import ImagesError, TooFewImages
from sablier.files.cells import read_rows
from sablier.files.names import printable
from sablier.images.grouping import GROUP, with_groups
from sablier.images.imageset import ImageSet
from sablier.tasks.detection.score_judge import LARGEST_SCORE, empty_images
from sablier.typing import Array
from sablier.workflows.audit import BAD, GOOD

# The usual names, in any case; of several columns the first in this order counts.
IDS = ("id", "image_path", "path", "file", "filename", "file_name", "image", "name")
SCORES = ("score", "anomaly_score", "pred_score", "decision_score", "decision_scores", "outlier_score", "decision_function")
FILES = ("image_path", "path", "file", "filename", "file_name", "image")
LABELS = ("label", "gt_label", "verdict")
GOOD_LABELS = (*GOOD, "0", "0.0", "false", "normal")
BAD_LABELS = (*BAD, "1", "1.0", "true", "abnormal", "anomaly", "anomalous")
DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+(?:[eE][-+]?\d+)?")
MOST_NAMED = 12  # columns in a message
WRITE_ONE = "Write one with a row for each image, and the columns id and score."
FILE = "file of the picture"  # a column of attributes

Rows = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class ScoreColumns:
    """Which columns of a table are used.

    Args:
        id: names the images; None looks for one of `IDS` and numbers the rows if there is none, "" numbers them.
        score: holds the scores; None looks for one of `SCORES`.
    """

    id: str | None = None
    score: str | None = None

    def found_in(self, path: Path, names: Sequence[str]) -> dict[str, str]:
        """Return the columns "id" and "score" of a table; "" for an id where rows are numbered.

        Raises:
            ImagesError: if one is lacking.
        """
        score = self.score or first_of(SCORES, names)
        id = first_of(IDS, names) or "" if self.id is None else self.id
        if score is None or score not in names:
            raise _lacking(path, "--score-column", score or f"{', '.join(SCORES[:-1])} or {SCORES[-1]}", names)
        if id and id not in names:
            raise _lacking(path, "--id-column", id, names)
        return {"id": id, "score": score}


@dataclass(frozen=True)
class ScoreTable:
    """A table of scores.

    Args:
        images: N images without pixels, with their scores, and all columns as attributes.
        columns: the names of the columns "id" and "score".
        bad: N booleans, whether images are known to be bad; None where the table has no label for each image.
        groups: the rule that names the group of each image; None without groups.
    """

    images: ImageSet
    columns: dict[str, str]
    bad: Array | None
    groups: str | None = None


def read_scores(path: str | PathLike[str], columns: ScoreColumns, groups: str | None = None) -> ScoreTable:
    """Read a CSV table of scores, separated by commas or semicolons.

    Args:
        path: the table.
        columns: which columns are used.
        groups: which images are dependent, as `sablier.images.grouping.parse_groups` reads it; None takes the column "group"
            if there is one.

    Raises:
        ImagesError: for a missing file or column, a score that is no finite number, an image without an id, or two of one id.
        TooFewImages: if no row holds a score.
        ConfigError, UnknownName: for a rule of groups that cannot be read.
    """
    place = Path(path)
    rows = list(read_rows(place, (), WRITE_ONE))
    if not rows:
        raise TooFewImages(f"{place}: expected a row for each image below the names of columns, got none. {WRITE_ONE}")
    names = [str(name) for name in rows[0] if name is not None]
    found = columns.found_in(place, names)
    _check_whole(place, rows)
    ids = _ids(place, rows, found["id"])
    scores = [_number(place, found["score"], id, row[found["score"]]) for id, row in zip(ids, rows, strict=True)]
    label, file = first_of(LABELS, names), first_of(FILES, names) or found["id"]
    labels = None if label is None else np.array([row[label].strip() for row in rows])
    attributes = {name: np.array([row[name] for row in rows]) for name in names}
    if file:
        attributes[FILE] = np.array([row[file] for row in rows])
    images = empty_images(np.array(scores), ids=np.array(ids), labels=labels, attributes=attributes, source=str(place))
    rule = f"column:{GROUP}" if groups is None and GROUP in names else groups
    return ScoreTable(with_groups(images, rule), found, None if labels is None else _are_bad(labels), rule)


def first_of(wanted: Sequence[str], names: Sequence[str]) -> str | None:
    """Return the first column that has one of the wanted names, in any case; None if there is none.

    >>> first_of(("score", "pred_score"), ["image_path", "Pred_Score"])
    'Pred_Score'
    """
    by_name = {name.strip().lower(): name for name in reversed(names)}
    return next((by_name[name] for name in wanted if name in by_name), None)


def _lacking(path: Path, option: str, wanted: str, names: Sequence[str]) -> ImagesError:
    shown = ", ".join(names[:MOST_NAMED]) + (", ..." if len(names) > MOST_NAMED else "")
    return ImagesError(f"{path}: expected a column {wanted}, got the columns {shown}. Name it with {option} NAME.")


def _are_bad(labels: Array) -> Array | None:
    """Return N booleans, or None unless every label says good or bad."""
    words = np.char.lower(labels)
    known = np.isin(words, (*GOOD_LABELS, *BAD_LABELS))
    return np.isin(words, BAD_LABELS) if known.all() else None


def _check_whole(path: Path, rows: Rows) -> None:
    for number, row in enumerate(rows, 1):
        if None in row:
            raise ImagesError(
                f"{path}, row {number}: expected a cell for each of {len(row) - 1} columns, got more. Put cells that contain a "
                "comma in quotation marks, or separate columns by semicolons."
            )


def _ids(path: Path, rows: Rows, column: str) -> list[str]:
    """Return the ids of rows, their numbers without a column."""
    if not column:
        return [str(number) for number in range(1, len(rows) + 1)]
    ids = [printable(row[column].strip()) for row in rows]
    seen: dict[str, int] = {}
    for number, id in enumerate(ids, 1):
        if not id:
            raise ImagesError(f"{path}, row {number}: expected the name of an image in column {column!r}, got an empty cell.")
        if seen.setdefault(id, number) != number:
            raise ImagesError(
                f"{path}: expected one row for each image, got {id} in rows {seen[id]} and {number}. Keep one of them, or name "
                "another column with --id-column NAME."
            )
    return ids


def _number(path: Path, column: str, id: str, cell: str) -> float:
    """Return the score of an image.

    Raises:
        ImagesError: if it is no number, or too large for a model file.
    """
    text = cell.strip()
    try:
        value = float(text.replace(",", ".") if DECIMAL_COMMA.fullmatch(text) else text)
    except ValueError:
        value = np.nan
    if not abs(value) <= LARGEST_SCORE:
        came = f"{text[:40]!r}" if text else "an empty cell"
        most = f"{LARGEST_SCORE:g}"
        raise ImagesError(
            f"{path}: expected a number from -{most} to {most} in column {column!r} for each image, got {came} for {id}. "
            "Leave the row out, or score the image again."
        )
    return value
