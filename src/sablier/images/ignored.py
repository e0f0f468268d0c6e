"""Pixels that are left out of every image, read from a mask."""

from os import PathLike
from pathlib import Path

import numpy as np

from sablier.errors import ConfigError, ImagesError
from sablier.images.sources import read_images
from sablier.typing import Array


def read_ignored(ignore: str | PathLike[str] | None, roi: str | PathLike[str] | None) -> Array | None:
    """Return H,W booleans, true where pixels are left out; None where no mask is named.

    Args:
        ignore: an image file whose pixels that are not black are left out.
        roi: an image file whose black pixels are left out (the others are the region of interest).

    Raises:
        ConfigError: if both are named.
        ImagesError: if the file cannot be read, or its mask leaves nothing.
    """
    if ignore is not None and roi is not None:
        raise ConfigError("expected a mask to ignore or a region of interest, got both. Merge them into one mask.")
    path = ignore if roi is None else roi
    if path is None:
        return None
    if Path(path).is_dir():
        raise ImagesError(f"{path}: expected an image file as a mask, got a folder.")
    marked = np.asarray(read_images(Path(path), strict=True)[0].any(axis=2))
    ignored = marked if roi is None else ~marked
    if ignored.all():
        colour = "some black pixels" if roi is None else "some pixels that are not black"
        raise ImagesError(f"{path}: expected a mask that leaves something to judge, with {colour}, got one that leaves nothing.")
    return ignored
