"""The table of a shard: a row for each image with its scores, or with the reason why it could not be read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from sablier.calibration import verdicts_at
from sablier.errors import OutputError
from sablier.files.cells import csv_text, read_rows
from sablier.images.imageset import Skipped
from sablier.tasks.detection.judge import Judge
from sablier.tasks.detection.result import BASELINES, DetectionResult
from sablier.tasks.detection.shift import OF_IMAGES
from sablier.tasks.known_images import Recognized
from sablier.typing import Array

CHUNK, ERROR = "chunk", "error"
COLUMNS = (
    *(CHUNK, "id", "score", "p_value", "label"),
    *(f"{name}_{what}" for name in BASELINES for what in ("score", "p_value")),
    *("member", "frame", "known", "repeats"),
    *OF_IMAGES,
    ERROR,
)
HEADER = csv_text([COLUMNS]).encode()

Row = Mapping[str, str]


def shard_lines(number: int, result: DetectionResult) -> bytes:
    """Return the lines of a table on the chunk of this number: of the images that were scored, then of those that were not."""
    rows: list[dict[str, Any]] = result.to_table()
    if result.measures is not None:
        for row, measures in zip(rows, result.measures.tolist(), strict=True):
            row |= dict(zip(OF_IMAGES, measures[:-1], strict=True))
    rows += [{"id": item.id, ERROR: item.reason} for item in result.skipped]
    return csv_text([{**row, CHUNK: number}.get(name, "") for name in COLUMNS] for row in rows).encode()


def read_chunks(table: Path, numbers: range) -> Iterator[list[Row]]:
    """Yield the rows of each chunk of a table, perhaps none.

    Args:
        table: the table of a shard, or a part of it.
        numbers: of the chunks in it.

    Raises:
        OutputError: if the table holds others, or in another order.
    """
    found = groupby(read_rows(table, COLUMNS, "Score that shard again."), key=lambda row: row[CHUNK])
    waiting = next(found, None)
    for number in numbers:
        if waiting is None or waiting[0] != str(number):
            yield []
        else:
            yield list(waiting[1])
            waiting = next(found, None)
    if waiting is not None:
        raise OutputError(
            f"{table}: expected the chunks {numbers.start} to {numbers.stop - 1}, got {waiting[0]!r}. Score it again."
        )


def detections(rows: Iterable[Row], detector: Judge, alpha: float, reject_alpha: float | None, labelled: bool) -> DetectionResult:
    """Return the detections that rows of a table tell of, with verdicts at a false-alarm rate.

    Args:
        rows: of one chunk.
        detector: what scored the images.
        alpha, reject_alpha: the rates.
        labelled: whether the images have labels.
    """
    every = list(rows)
    good = [row for row in every if not row[ERROR]]

    def text(name: str) -> Array:
        return np.array([row[name] for row in good], str)

    def numbers(name: str) -> Array:
        return np.array([float(row[name]) for row in good])

    p_values, scores = numbers("p_value"), numbers("score")
    looked_at = detector.frame is not None
    return DetectionResult(
        ids=text("id"),
        scores=scores,
        p_values=p_values,
        verdicts=verdicts_at(p_values, alpha, detector.calibration.decides(alpha), reject_alpha),
        baseline_scores={name: numbers(f"{name}_score") for name in detector.baseline_calibrations},
        baseline_p_values={name: numbers(f"{name}_p_value") for name in detector.baseline_calibrations},
        alpha=alpha,
        promise=detector.promise(alpha, reject_alpha),
        labels=text("label") if labelled else None,
        skipped=tuple(Skipped(row["id"], row[ERROR]) for row in every if row[ERROR]),
        recognized=Recognized(text("known"), text("repeats")),
        members=text("member") if detector.member_kinds else None,
        frames=text("frame") if looked_at else None,
        measures=np.column_stack([*map(numbers, OF_IMAGES), scores]) if looked_at else None,
    )


def count_rows(rows: Sequence[Row]) -> tuple[int, int, bool]:
    """Return how many rows are of images that were scored and that were not, and whether one has a label."""
    unreadable = sum(bool(row[ERROR]) for row in rows)
    return len(rows) - unreadable, unreadable, any(row["label"] for row in rows)
