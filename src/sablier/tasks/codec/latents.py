"""Codes as integers: their rounding, and the frequency of each value."""

from dataclasses import dataclass

import numpy as np

from sablier.tasks.codec.interleaved import InterleavedStreams
from sablier.tasks.codec.rans import PRECISION, Decoder
from sablier.tasks.codec.tables import frequencies, starts
from sablier.typing import Array

GRID = 64  # parts of 1 in which codes are counted: every rounding step is a multiple
LARGEST = 255  # of a number of a code, beyond which it is clipped: the range of fixed-point numbers
MARGIN = 0.25  # of the range of training codes, added on either side
WHOLE = 1 << 24  # about the total count of a number
QUALITIES = 100
FINEST, COARSEST = 0.1, 3.0  # rounding steps at quality 100 and 1


def step_of(quality: int) -> int:
    """Return the rounding step, in parts of the grid, for a quality from 1 to 100.

    >>> step_of(1), step_of(100)
    (192, 6)
    """
    share = (QUALITIES - quality) / (QUALITIES - 1)
    return round(GRID * FINEST * float((COARSEST / FINEST) ** share))


@dataclass(frozen=True)
class LatentTables:
    """Histograms of each number of a code on the grid, in integers.

    Args:
        lowest: D int32: the first cell of each number.
        below: D,F+1 int64: the cumulative count at each edge between cells, from 0.
    """

    lowest: Array
    below: Array

    @classmethod
    def fitted(cls, codes: Array) -> "LatentTables":
        """Count N,D codes of training images, smoothed according to their number (Silverman 1986)."""
        from scipy.ndimage import gaussian_filter1d

        codes = np.clip(codes, -LARGEST, LARGEST)
        low, high = codes.min(axis=0), codes.max(axis=0)
        reach = MARGIN * (high - low) + 1
        lowest = np.floor((low - reach) * GRID).astype(np.int32)
        cells = int((np.ceil((high + reach) * GRID) - lowest).max())
        below = np.zeros((codes.shape[1], cells + 1), np.int64)
        for number, column in enumerate(codes.T):
            counts = np.bincount(np.floor(column * GRID).astype(int) - lowest[number], minlength=cells).astype(float)
            blurred = gaussian_filter1d(counts, GRID * max(0.9 * float(column.std()) * len(column) ** -0.2, 1 / GRID))
            below[number, 1:] = np.cumsum(np.round(blurred / blurred.sum() * WHOLE)).astype(np.int64)
        return cls(lowest, below)

    def rounded(self, codes: Array, step: int) -> Array:
        """Return N,D integer numbers of steps, the nearest ones in the tables."""
        found = np.round(np.clip(codes, -LARGEST, LARGEST) * (GRID / step)).astype(np.int64)
        first, count = self._span(step)
        return found.clip(first, first + count - 1)

    def values(self, numbers: Array, step: int) -> Array:
        """Return N,D float32: the codes that integer numbers of steps stand for."""
        return (numbers * step / GRID).clip(-LARGEST, LARGEST).astype(np.float32)

    def slots(self, step: int) -> tuple[Array, Array, Array]:
        """Return D: the first integer of each table; and D,values: where the slots of each start and end."""
        first, count = self._span(step)
        # The cells from half a step below an integer to half a step above it.
        edges = (first[:, None] + np.arange(count + 1)) * step - step // 2 - self.lowest[:, None]
        counts = np.diff(np.take_along_axis(self.below, edges.clip(0, self.below.shape[1] - 1), 1), axis=1)
        found = frequencies(counts)
        begin = starts(found)
        return first, begin, begin + found

    def bits(self, codes: Array, step: int) -> float:
        """Return how many bits N,D codes take after rounding."""
        taken = latent_slots(self, self.rounded(codes, step), step)[1]
        return float(PRECISION * taken.size - np.log2(taken).sum())

    def _span(self, step: int) -> tuple[Array, int]:
        """Return the lowest integer of each table, D,1 broadcast as D, and how many there are."""
        cells = self.below.shape[1] - 1
        return np.floor_divide(self.lowest.astype(np.int64), step), -(-cells // step) + 1


def latent_slots(tables: LatentTables, numbers: Array, step: int) -> tuple[Array, Array]:
    """Return tiles,D starts and frequencies of integers, for `InterleavedStreams.encode`."""
    first, begin, end = tables.slots(step)
    at = (numbers - first).T
    start, last = (np.take_along_axis(edges, at, 1).T for edges in (begin, end))
    return start, last - start


def pop_latents(tables: LatentTables, states: InterleavedStreams, decoder: Decoder, tiles: int, step: int) -> Array:
    """Read tiles,D integers."""
    first, begin, end = tables.slots(step)
    columns = [
        states.pop(decoder, np.broadcast_to(a, (tiles, len(a))), np.broadcast_to(b, (tiles, len(b))))
        for a, b in zip(begin, end, strict=True)
    ]
    return np.stack(columns, axis=1) + first
