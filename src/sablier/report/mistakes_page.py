"""Mistakes as one self-contained HTML file: a table that can be sorted and narrowed down, pictures, and confusions."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sablier.calibration import percent
from sablier.report.mistakes import (
    MOST_NUMBERED,
    MOST_PAIRS,
    Looked,
    caption,
    example_rows,
    headline,
    shown_rows,
    sureness,
)
from sablier.report.pages import rendered
from sablier.report.pictures import SMALL, data_uri
from sablier.report.words import counted
from sablier.tasks.classification.mistakes import MistakesResult
from sablier.typing import Array

MOST_ROWS = 300  # of the table; all of them are in the CSV file
MOST_SKIPPED = 200


def listed_rows(result: MistakesResult) -> Array:
    """Return the positions of the images that the page lists, by rank: the misclassified ones; all, where there are none."""
    wrong = result.order[result.wrong[result.order]]
    return np.asarray((wrong if len(wrong) else result.order)[:MOST_ROWS])


def mistakes_page(
    result: MistakesResult, pictures: Mapping[int, Looked], thumbnails: Mapping[int, Array], title: str, made_by: str
) -> str:
    """Return the page.

    Args:
        pictures: of the images at the positions that `pictured_rows` names.
        thumbnails: H,W,3 bytes of those that `listed_rows` names.
        title: which images were classified by which model.
        made_by: the version that wrote it.
    """
    rows = dict(zip(result.order.tolist(), result.to_table(), strict=True))
    cards = [_card(rows[row], pictures[row]) for row in shown_rows(result).tolist()]
    height, width = next(iter(pictures.values())).image.shape[:2]
    return rendered(
        "mistakes.html",
        title=title,
        headline=headline(result),
        note=_note(result),
        reason=result.reason,
        tiles=_tiles(result),
        rows=[_row(rows[row], thumbnails[row]) for row in listed_rows(result).tolist()],
        listed=int(result.wrong.sum()) or len(result),
        cards=cards,
        classes=result.classes.tolist(),
        matrix=_matrix(result.confusion) if len(result.classes) <= MOST_NUMBERED else None,
        pairs=[_pair(result, pair, rows, pictures) for pair in result.pairs()[:MOST_PAIRS]],
        pairs_count=len(result.pairs()),
        skipped=[(item.id, item.reason) for item in result.skipped[:MOST_SKIPPED]],
        skipped_count=len(result.skipped),
        pixelated=max(height, width) <= SMALL,
        shape=(width, height),
        made_by=made_by,
    )  # fmt: skip


def _note(result: MistakesResult) -> str:
    wrong = int(result.wrong.sum())
    if not wrong:
        return "No image is misclassified; those whose labels have the lowest probabilities are shown."
    return (
        f"{counted(wrong)} of {len(result):,} {'is' if wrong == 1 else 'are'} misclassified (another class than the label): "
        "either the network or the label is wrong. Suspected label errors are marked; a person has to decide."
    )


def _tiles(result: MistakesResult) -> list[tuple[str, str]]:
    return [
        ("images", f"{len(result):,}"),
        ("accuracy", f"{result.accuracy:.2%}"),
        ("suspected label errors", f"{int(result.suspected.sum()):,}"),
        ("estimated label errors", f"{result.estimated_errors:,.0f}"),
        ("calibration error (ECE)", percent(result.calibration_error)),
    ]


def _row(row: Mapping[str, Any], thumbnail: Array) -> dict[str, Any]:
    return {
        **row,
        "image": data_uri(thumbnail),
        "sure": sureness(row["probability"]),
        "of_label": sureness(row["label_probability"]),
    }


def _card(row: Mapping[str, Any], pictures: Looked) -> dict[str, Any]:
    return {**row, "caption": caption(row), "image": data_uri(pictures.image), "looked": data_uri(pictures.looked)}


def _pair(
    result: MistakesResult, pair: Mapping[str, Any], rows: Mapping[int, Mapping[str, Any]], pictures: Mapping[int, Looked]
) -> dict[str, Any]:
    """Return a pair of classes with its examples, and its estimated number of label errors."""
    errors = pair["estimated_errors"]
    estimate = f"estimated label errors: {errors:,.0f}"
    return {
        **pair,
        "note": f"{counted(pair['images'])}; {estimate}",
        "cards": [_card(rows[row], pictures[row]) for row in example_rows(result, pair).tolist()],
    }


def _matrix(confusion: Any) -> list[list[tuple[int, float]]]:
    """Return rows of (count, colour from 0 to 1) of the confusion matrix; the diagonal has none."""
    most = max([1, *(int(confusion[i, j]) for i in range(len(confusion)) for j in range(len(confusion)) if i != j)])
    return [
        [(int(count), 0.0 if i == j else (int(count) / most) ** 0.5) for j, count in enumerate(row)]
        for i, row in enumerate(confusion)
    ]
