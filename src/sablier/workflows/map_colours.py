"""The columns that colour the images of a map: labels, clusters, scores, errors, and attributes of the source."""

import csv
from pathlib import Path

import numpy as np

from sablier.errors import ConfigError, ImagesError, UnknownName
from sablier.files.cells import plain_row
from sablier.images.imageset import ImageSet
from sablier.report.map_page import Column
from sablier.typing import Array

MOST_ATTRIBUTE_VALUES = 200  # an attribute with more different words identifies images and is no category
FEW_NUMBERS = 20  # an attribute of integers with at most so many values is a category


def columns_of(images: ImageSet, scores: Array | None, errors: Array | None, clusters: Path | None) -> list[Column]:
    """Return the columns that can colour images, the most informative first.

    Args:
        scores, errors: N anomaly scores and reconstruction errors, or None.
        clusters: a table that `sablier cluster` wrote, or None.

    Raises:
        ImagesError: if the table cannot be read, or is of other images.
    """
    columns = []
    if images.labels is not None:
        columns.append(Column("label", images.labels))
    if clusters is not None:
        columns.append(Column("cluster", _clusters_of(images.ids, clusters)))
    if scores is not None:
        columns.append(
            Column("score", scores, "Anomaly score: higher is more anomalous; an image like those trained on is near 0.")
        )
    if errors is not None:
        columns.append(Column("error", errors, "Mean squared error of the reconstruction, of pixels from 0 to 1."))
    taken = {column.name for column in columns}
    for name, values in images.attributes.items():
        column = _attribute(name if name not in taken else f"{name} of the source", np.asarray(values))
        if column is not None:
            columns.append(column)
    return columns


def _attribute(name: str, values: Array) -> Column | None:
    """Return an attribute as numbers or as categories; None if it cannot colour images."""
    different = len(np.unique(values))
    if values.dtype.kind in "iu" and different > FEW_NUMBERS:
        return Column(name, values.astype(np.float64))
    if values.dtype.kind == "f":
        return Column(name, values) if np.isfinite(values).all() else None
    return Column(name, values.astype(str)) if different <= MOST_ATTRIBUTE_VALUES else None


def _clusters_of(ids: Array, path: Path) -> Array:
    """Return the cluster of each image from a table with the columns id and cluster; "none" for those it lacks."""
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            rows = csv.DictReader(file)
            lacking = {"id", "cluster"} - set(rows.fieldnames or ())
            if lacking:
                raise ImagesError(f"{path}: expected the columns id and cluster, as `sablier cluster` writes them.")
            known = {row["id"]: row["cluster"] for row in map(plain_row, rows)}
    except (OSError, csv.Error, UnicodeError) as error:
        raise ImagesError(f"{path}: expected a table of clusters that can be read: {error}.") from error
    found = [known.get(str(name), "none") for name in ids]
    if not set(map(str, ids)) & set(known):
        raise ImagesError(f"{path} is of other images: it names none of those on the map. Cluster these ones.")
    return np.array(["none" if cluster in ("-1", "", None) else cluster for cluster in found])


def ordered(columns: list[Column], colour: str | None) -> list[Column]:
    """Return the columns, with the chosen one first.

    Raises:
        ConfigError: if the chosen one is not available here; UnknownName for any other.
    """
    names = [column.name for column in columns]
    if colour is None or colour in names:
        return sorted(columns, key=lambda column: column.name != colour)
    missing = {
        "label": "these images have no labels. Pass --labels or --label-column, or read them from folders",
        "score": "only a detector scores images. Train one with: sablier train GOOD_IMAGES",
        "error": "this model does not decode, so it has no errors",
        "cluster": "there is no table of clusters. Make one with: sablier cluster MODEL IMAGES -o clusters/, then pass "
        "--clusters clusters/clusters.csv",
    }
    if colour in missing:
        raise ConfigError(f"the map cannot be coloured by {colour}: {missing[colour]}.")
    raise UnknownName("colour", colour, [*names, *missing])
