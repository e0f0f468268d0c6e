"""Masks of defects, and anomaly maps and ignored pixels at the original size of an image."""

from pathlib import Path

import numpy as np
from PIL import Image

from sablier.errors import ImagesError
from sablier.images.pixel_rule import placed
from sablier.images.sources import read_images
from sablier.typing import Array


def read_mask(path: Path, size: tuple[int, int]) -> Array:
    """Return the mask in an image file as H,W booleans, true wherever it is not black.

    Args:
        path: the file.
        size: height and width of its image.

    Raises:
        ImagesError: if the file cannot be read, has another size, or is completely black.
    """
    mask = np.asarray(read_images(path, strict=True)[0].any(axis=2))
    if mask.shape != size:
        shapes = f"{size[0]} x {size[1]}, as its image, got {mask.shape[0]} x {mask.shape[1]}"
        raise ImagesError(f"{path}: expected a mask of {shapes}. Scale it, without blurring its edge.")
    if not mask.any():
        raise ImagesError(
            f"{path}: expected a mask that marks the defect, got one that is black all over. Draw it, or remove it."
        )
    return mask


def at_original_size(anomaly_map: Array, size: tuple[int, int]) -> Array:
    """Return the anomaly map of an image at its original size, as float32.

    The inverse of `Preprocess.apply`: the borders are cut off, and the rest is scaled bilinearly. So maps are compared with
    masks at their own size, as is usual (Bergmann et al. 2020).

    Args:
        anomaly_map: H,W, of the image scaled to fit and centred.
        size: the original height and width of the image.

    >>> at_original_size(np.eye(2), (2, 4)).shape
    (2, 4)
    """
    inner, (top, left) = placed(size, anomaly_map.shape)
    cut = np.asarray(anomaly_map[top : top + inner[0], left : left + inner[1]], np.float32)
    if cut.shape == tuple(size):
        return cut
    return np.asarray(Image.fromarray(cut).resize((int(size[1]), int(size[0])), Image.Resampling.BILINEAR))


def ignored_at_original_size(kept: Array, size: tuple[int, int]) -> Array:
    """Return H,W booleans: which pixels of an image a model ignores.

    Args:
        kept: height,width booleans, false where pixels are ignored, as `Preprocess.kept`.
        size: the original height and width of the image.

    >>> ignored_at_original_size(np.array([[True, False], [True, True]]), (4, 4)).astype(int).tolist()
    [[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]]
    """
    return np.asarray(at_original_size(~kept, size) >= 0.5)
