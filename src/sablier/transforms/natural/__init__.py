"""Natural corruptions of cameras, weather, files and handwriting. N,H,W,C arrays in and out, seeded for each image.

Classifiers are evaluated on them (MNIST-C, CIFAR-10-C). The corruptions for training are in `transforms/corruptions.py`;
they are random for each batch, from torch's generator.
"""

from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

import numpy as np

from sablier.errors import ConfigError, ImagesError
from sablier.transforms.natural.base import random_of
from sablier.transforms.natural.kinds import CIFAR_10_C, KINDS, MNIST_C, SETS, SEVERITIES, Kind
from sablier.typing import Array

LEAST_SIDE = 8
VALUES_AT_ONCE = 400_000  # of a batch, so that it stays in the processor's cache
MOST_WORKERS = 8

__all__ = ["CIFAR_10_C", "KINDS", "LEAST_SIDE", "MNIST_C", "SETS", "SEVERITIES", "Kind", "check_severity", "corrupt"]


def corrupt(images: Array, kind: str, severity: int, seed: int = 0) -> Array:
    """Return corrupted images of the same shape and type.

    The random numbers of an image depend on its pixels, the kind and the seed, not on other images. They do not depend on
    the severity either, which only makes the same corruption stronger.

    Args:
        images: N,H,W,C of 1 or 3 channels, at least 8 pixels a side: uint8, or floats in [0, 1].
        kind: a name of `KINDS`.
        severity: 1 to 5.

    Raises:
        UnknownName: for a kind that does not exist; ConfigError for another severity; ImagesError for other images.

    >>> images = np.zeros((2, 28, 28, 1), np.uint8)
    >>> corrupt(images, "stripe", 1).mean(axis=(1, 2, 3)).round(1).tolist()
    [18.2, 18.2]
    """
    damage = KINDS.named(kind)
    check_severity(severity)
    pixels = np.asarray(images)
    _check(pixels)
    found = np.empty_like(pixels)
    at_once = max(1, VALUES_AT_ONCE // pixels[:1].size) if len(pixels) else 1

    def work(start: int) -> None:
        some = slice(start, start + at_once)
        whole = pixels.dtype == np.uint8
        eight_bit = pixels[some] if whole else np.round(pixels[some] * 255).astype(np.uint8)
        x = eight_bit.astype(np.float32) / 255 if whole else pixels[some].astype(np.float32)
        y = damage(x, [random_of(image, kind, seed) for image in eight_bit], severity)
        found[some] = np.round(y * 255) if whole else y

    with ThreadPoolExecutor(min(MOST_WORKERS, cpu_count() or 1)) as pool:
        list(pool.map(work, range(0, len(pixels), at_once)))
    return found


def check_severity(severity: int) -> None:
    """Raise ConfigError for a severity that is not 1, 2, 3, 4 or 5."""
    if severity not in SEVERITIES:
        raise ConfigError(f"expected a severity from 1 to 5, got {severity}.")


def _check(pixels: Array) -> None:
    if pixels.ndim != 4 or pixels.shape[3] not in (1, 3):
        raise ImagesError(f"expected images of shape N,H,W,1 or N,H,W,3 to corrupt, got {pixels.shape}.")
    if min(pixels.shape[1:3]) < LEAST_SIDE:
        raise ImagesError(
            f"expected images of at least {LEAST_SIDE} pixels a side to corrupt, got {pixels.shape[1]} x {pixels.shape[2]}."
        )
    if pixels.dtype == np.uint8:
        return
    if pixels.dtype.kind != "f" or (len(pixels) and not (pixels.min() >= 0 and pixels.max() <= 1)):
        raise ImagesError(f"expected 8-bit images or floats in [0, 1] to corrupt, got {pixels.dtype}. Convert them first.")
