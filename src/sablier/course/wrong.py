"""Test images that a classifier of the course tells most wrongly: a table with their names, then a sheet."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sablier.files import write_whole
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.report.figures import sheet
from sablier.workflows.tables import as_csv

Array = NDArray[Any]

SHOWN = 48


def write_wrong(
    output: Path, name: str, images: ImageSet, preprocess: Preprocess, classes: Array, probabilities: Array
) -> list[Path]:
    """Write NAME.csv, all that are told wrong, and NAME.png, the 48 most wrong of them; return the two paths.

    Args:
        images: N dense ones with labels.
        classes: K names.
        probabilities: N,K.
    """
    rows = wrong_rows(images, classes, probabilities)
    write_whole(output / f"{name}.csv", as_csv(rows))
    write_whole(output / f"{name}.png", _picture(rows[:SHOWN], images, preprocess))
    return [output / f"{name}.csv", output / f"{name}.png"]


def wrong_rows(images: ImageSet, classes: Array, probabilities: Array) -> list[dict[str, Any]]:
    """Return a row for each image that is told wrong, the most wrong first: the surer of the other class, and not of its own."""
    assert images.labels is not None  # who trained looked
    own, told = np.searchsorted(classes, images.labels), probabilities.argmax(axis=1)
    rows = [
        {
            "id": str(images.ids[index]),
            "label": str(classes[own[index]]),
            "class": str(classes[told[index]]),
            "probability": float(probabilities[index, told[index]]),
            "probability_of_label": float(probabilities[index, own[index]]),
        }
        for index in np.flatnonzero(told != own)
    ]
    return sorted(rows, key=lambda row: row["probability_of_label"] - row["probability"])


def _picture(rows: Sequence[dict[str, Any]], images: ImageSet, preprocess: Preprocess) -> bytes:
    places = {str(id): place for place, id in enumerate(images.ids)}
    shown = images.array[[places[row["id"]] for row in rows]]
    captions = [
        f"{row['id'].rpartition('/')[2]}: is {row['label']}, {row['probability_of_label']:.0%}\n"
        f"told {row['class']}, {row['probability']:.0%}"
        for row in rows
    ]
    return sheet(preprocess.to_unit(shown), captions)
