"""The stored values of black and white, estimated from images of which a few may have outliers.

A dead sensor or a failed division writes 1e30, or a defective pixel 65535, among values a thousand times smaller. With such
a range, everything else would be black. So the 0.1 % most extreme values of each image, and the 5 % most extreme images, at
least one, do not count at either end. What is then more than ten ranges away from the rest is an outlier. The range is that
of all other values, so images without outliers have the range that they span.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from sablier.typing import Array

EXTREME_VALUES = 0.001  # of an image, at either end
EXTREME_IMAGES = 0.05  # of all, at either end; at least one if there are FEWEST
FEWEST = 4
COMMON = 0.1  # of all images: values in so many images are no outliers
FAR = 10.0  # ranges of all others, beyond which a value is an outlier


@dataclass(frozen=True)
class ValueRange:
    """The range without outliers.

    Args:
        low, high: the lowest and the highest value that is no outlier.
        wild: positions of the images with outliers, in the order of the images.
    """

    low: float
    high: float
    wild: tuple[int, ...] = ()


def value_range(images: Iterable[Array]) -> ValueRange | None:
    """Return the range of the values of images; None if there is no image.

    Each image is used once, so they may be decoded on demand.

    >>> usual = [np.array([0.0, 1.0, 2.0, 3.0])] * 20
    >>> value_range([*usual, np.array([0.0, 1.0, 2.0, 1e30])])
    ValueRange(low=0.0, high=3.0, wild=(20,))
    """
    seen = [_ends(image) for image in images]
    if not seen:
        return None
    table = np.array([ends for ends, _ in seen], np.float64)
    lowest, highest = _limits(table[:, 1], table[:, 2])
    if ((table[:, 0] < lowest) | (table[:, 3] > highest)).sum() > max(1, COMMON * len(table)):
        lowest, highest = _limits(table[:, 0], table[:, 3])  # small and bright, as stars are, but no outliers in so many images
    wild = (table[:, 0] < lowest) | (table[:, 3] > highest)
    if not wild.any():
        return ValueRange(float(table[:, 0].min()), float(table[:, 3].max()))
    tame = [ends for one in seen for ends in _tame(one, lowest, highest)]
    return ValueRange(min(first for first, _ in tame), max(last for _, last in tame), tuple(np.flatnonzero(wild).tolist()))


def _limits(lows: Array, highs: Array) -> tuple[float, float]:
    """Return the values beyond which a value is an outlier, given the ends of each image."""
    spared = max(1, int(EXTREME_IMAGES * len(lows))) if len(lows) >= FEWEST else 0
    low, high = float(np.sort(lows)[spared]), float(np.sort(highs)[-1 - spared])
    # Equal images have no range: then a hundredth of their value counts, or of 1.
    reach = FAR * max(high - low, 0.01 * max(abs(low), abs(high), 1.0))
    return low - reach, high + reach


def _ends(image: Array) -> tuple[tuple[float, float, float, float], Array]:
    """Return the lowest value, the lowest and the highest that are not extreme, the highest; and the extreme values."""
    flat = np.asarray(image).ravel()
    few = min(int(np.ceil(EXTREME_VALUES * flat.size)), (flat.size - 1) // 2)
    parted = np.partition(flat, (few, flat.size - 1 - few))
    ends = parted[: few + 1], parted[flat.size - 1 - few :]
    return (float(flat.min()), float(parted[few]), float(parted[flat.size - 1 - few]), float(flat.max())), np.concatenate(ends)


def _tame(seen: tuple[tuple[float, float, float, float], Array], lowest: float, highest: float) -> Iterator[tuple[float, float]]:
    """Yield the lowest and the highest value of an image that are no outliers, if there are any."""
    extreme = seen[1].astype(np.float64)
    kept = extreme[(extreme >= lowest) & (extreme <= highest)]
    if kept.size:
        yield float(kept.min()), float(kept.max())
