"""Blur by lenses, glass and movement. N,H,W,C in and out; lengths in pixels of the published size, times `unit`."""

import numpy as np
from scipy.ndimage import gaussian_filter

from sablier.transforms.natural.base import (
    Randoms,
    drawn,
    enlarged,
    smoothed,
    sum_of_shifts,
    trailed,
)
from sablier.transforms.natural.kinds import kind
from sablier.typing import Array


@kind("a soft blur", grey=(1, 2, 3, 4, 6), colour=(0.4, 0.6, 0.7, 0.8, 1))
def gaussian_blur(x: Array, randoms: Randoms, unit: float, sigma: float) -> Array:
    """Blur by a Gaussian."""
    return smoothed(x, sigma * unit)


@kind(
    "a lens out of focus",
    grey=((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
    colour=((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
)
def defocus_blur(x: Array, randoms: Randoms, unit: float, radius: float, softness: float) -> Array:
    """Spread each pixel over a disk with a soft rim, as a lens out of focus does."""
    reach = int(np.ceil(radius * unit)) + 1
    across = np.arange(-reach, reach + 1)
    rows, columns = (each.ravel() for each in np.meshgrid(across, across, indexing="ij"))
    disk = (rows**2 + columns**2 <= (radius * unit) ** 2).astype(float).reshape(len(across), -1)
    weights = gaussian_filter(disk, softness * unit, mode="constant").ravel()
    used = weights > 1e-4 * weights.max()
    return sum_of_shifts(x, rows[used], columns[used], weights[used] / weights[used].sum())


@kind(
    "behind frosted glass",
    grey=((0.7, 1, 2, 0.5), (0.9, 2, 1, 0.5), (1, 2, 3, 0.5), (1.1, 3, 2, 0.5), (1.5, 4, 2, 0.5)),
    colour=((0.05, 1, 1, 1), (0.25, 1, 1, 1), (0.4, 1, 1, 1), (0.25, 1, 2, 1), (0.4, 1, 2, 1)),
)
def glass_blur(x: Array, randoms: Randoms, unit: float, sigma: float, reach: int, rounds: int, chance: float) -> Array:
    """Blur, exchange pixels with a neighbour, `rounds` times, and blur again.

    Args:
        reach: how far away a neighbour may be.
        chance: share of pixels that are replaced in a round.
    """
    y = smoothed(x, sigma * unit)
    height, width = x.shape[1:3]
    far = max(1, round(reach * unit))
    images = np.arange(len(x))[:, None, None]
    for _ in range(rounds):
        moves = drawn(randoms, lambda random: random.integers(-far, far, (2, height, width))).astype(int)
        moves *= drawn(randoms, lambda random: random.random((1, height, width)) < chance).astype(int)
        rows = (np.arange(height)[:, None] + moves[:, 0]).clip(0, height - 1)
        columns = (np.arange(width) + moves[:, 1]).clip(0, width - 1)
        y = y[images, rows, columns]
    return smoothed(y, sigma * unit)


@kind(
    "the camera moves sideways",
    grey=((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
    colour=((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
)
def motion_blur(x: Array, randoms: Randoms, unit: float, radius: float, sigma: float) -> Array:
    """Motion blur: a fading trail to the right, up to 45 degrees up or down."""
    degrees = np.array([random.integers(-45, 46) for random in randoms])
    return trailed(x, degrees, radius * unit, sigma * unit)


@kind(
    "the camera comes nearer",
    grey=((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
    colour=((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
)
def zoom_blur(x: Array, randoms: Randoms, unit: float, most: float, step: float) -> Array:
    """Average the image with enlargements of itself, up to a factor of `most`, as by a zooming camera."""
    factors = np.arange(1, most, step)
    total = x.copy()
    for factor in factors:
        total += enlarged(x, factor)
    return total / np.float32(len(factors) + 1)
