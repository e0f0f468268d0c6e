"""Which stored values mean black and white, decided from images of which a few may hold wild values.

A dead sensor or a failed division writes 1e30, or a hot pixel 65535, among values a thousand times smaller. If the range reached
that far, everything else would be black. So of each image the 0.1 % most extreme values, and of all images the 5 % most extreme,
at least one, do not count at either end; what is then more than ten ranges away from the rest is wild. The range is that of
all other values, to the last of them, so that images without wild values have the range that they span.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from sablier.typing import Array

EXTREME_VALUES = 0.001  # of an image, at either end
EXTREME_IMAGES = 0.05  # of all, at either end; at least one where there are FEWEST
FEWEST = 4
COMMON = 0.1  # of all images: what so many hold is not wild
FAR = 10.0  # ranges of all others, beyond which a value is wild


@dataclass(frozen=True)
class ValueRange:
    """The range of what is not wild.

    Args:
        low, high: the lowest and the highest value that is not wild.
        wild: places of the images that hold wild values, in the order the images came.
    """

    low: float
    high: float
    wild: tuple[int, ...] = ()


def value_range(images: Iterable[Array]) -> ValueRange | None:
    """Return the range of the values of images; None where there is no image.

    Each image is looked at once, so they may be decoded as they are asked for.

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
        lowest, highest = _limits(table[:, 0], table[:, 3])  # small and bright, as stars are, but in so many images nothing wild
    wild = (table[:, 0] < lowest) | (table[:, 3] > highest)
    if not wild.any():
        return ValueRange(float(table[:, 0].min()), float(table[:, 3].max()))
    tame = [ends for one in seen for ends in _tame(one, lowest, highest)]
    return ValueRange(min(first for first, _ in tame), max(last for _, last in tame), tuple(np.flatnonzero(wild).tolist()))


def _limits(lows: Array, highs: Array) -> tuple[float, float]:
    """Return the values beyond which a value is wild, given where each image begins and ends."""
    spared = max(1, int(EXTREME_IMAGES * len(lows))) if len(lows) >= FEWEST else 0
    low, high = float(np.sort(lows)[spared]), float(np.sort(highs)[-1 - spared])
    # Images that are all alike have no range: then a hundredth of their value counts, or of 1.
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
    """Yield the ends of what is not wild in an image, if anything is."""
    extreme = seen[1].astype(np.float64)
    kept = extreme[(extreme >= lowest) & (extreme <= highest)]
    if kept.size:
        yield float(kept.min()), float(kept.max())
