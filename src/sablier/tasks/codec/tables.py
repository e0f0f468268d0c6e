"""Integer frequencies of symbols, as `rans` needs them."""

import numpy as np
from numpy.typing import NDArray

from sablier.tasks.codec.rans import TOTAL

Array = NDArray[np.integer]


def frequencies(weights: Array) -> Array:
    """Return integers of at least 1 that sum to 2 ** 16 along the last axis, in proportion to integer weights.

    The rounding remainder goes to the most frequent symbol, the first of equals.

    >>> frequencies(np.array([3, 0, 1])).tolist()
    [49151, 1, 16384]
    """
    weights = np.asarray(weights, np.int64)
    free = TOTAL - weights.shape[-1]
    total = np.maximum(weights.sum(axis=-1, keepdims=True), 1)
    found: Array = 1 + weights * free // total
    most = weights.argmax(axis=-1, keepdims=True)
    rest = TOTAL - found.sum(axis=-1, keepdims=True)
    np.put_along_axis(found, most, np.take_along_axis(found, most, -1) + rest, -1)
    return found


def starts(found: Array) -> Array:
    """Return where the slots of each symbol start, from frequencies along the last axis."""
    return np.asarray(np.cumsum(found, axis=-1) - found)
