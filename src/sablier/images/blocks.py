"""Images averaged over squares of pixels."""

import numpy as np

from sablier.typing import Array


def means_of_blocks(values: Array, side: int) -> Array:
    """Return N,H/side,W/side,C means of N,H,W,C values over squares; incomplete squares at the far edges are cut off.

    >>> means_of_blocks(np.arange(6.0).reshape(1, 2, 3, 1), 2).tolist()
    [[[[2.0]]]]
    """
    if side == 1:
        return values
    count, (rows, columns) = len(values), (length // side for length in values.shape[1:3])
    # One axis after the other: both at once take three times as long.
    lines = values[:, : rows * side, : columns * side].reshape(count, rows, side, -1).mean(axis=2)
    return np.asarray(lines.reshape(count, rows, columns, side, -1).mean(axis=3))
