"""Labels apart from the images: a sequence, or a file (text or CSV, one per line; .npy; IDX)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sablier.errors import ImagesError
from sablier.images.formats.base import readable
from sablier.images.idx import is_idx_name, read_idx
from sablier.typing import Array

LABEL_NAMES = frozenset({"label", "labels", "class", "classes", "target", "targets"})


def given_labels(labels: str | Path | Sequence[Any] | Array | None) -> Array | None:
    """Return labels as an array of strings, read from a file if a path is given.

    Raises:
        ImagesError: if they are not one column.
    """
    if labels is None:
        return None
    if isinstance(labels, str | Path):
        return read_labels(Path(labels))
    with readable("labels", "a sequence of labels"):
        return _one_column(np.asarray(labels), "labels")


def read_labels(path: Path) -> Array:
    """Return the labels of a file as strings. A first line "label" is a header.

    Raises:
        ImagesError: if the file is missing, damaged, or more than one column.
    """
    if is_idx_name(path.name.lower()):
        return read_idx(path, dimensions=(1,)).astype(str)
    with readable(path, "a file of labels, one a line"):
        if path.suffix.lower() == ".npy":
            return _one_column(np.load(path, allow_pickle=False), str(path))
        lines = path.read_text("utf-8-sig").splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    values = [line.strip().strip('"') for line in lines]
    if values and values[0].lower() in LABEL_NAMES:
        del values[0]
    for number, value in enumerate(values, 1 + len(lines) - len(values)):
        if not value or any(delimiter in value for delimiter in ",;\t"):
            raise ImagesError(f"{path}, line {number}: expected one label a line, got {value!r}.")
    return np.array(values, str)


def _one_column(values: Array, where: str) -> Array:
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or values.dtype.kind not in "biufUS":
        raise ImagesError(f"{where}: expected one label per image, got an array of shape {values.shape}, {values.dtype}.")
    # 3.0 and 3 are the same class, so they must be the same string.
    if values.dtype.kind == "f" and np.isfinite(values).all() and np.all(values == np.round(values)):
        values = np.array([int(value) for value in values])
    return values.astype(str)
