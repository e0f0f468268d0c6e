"""Which tile is said by which lane of which stream, and when."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sablier.tasks.codec.rans import TOTAL, Decoder, encode

Array = NDArray[np.integer]

LANES = 8  # of each stream: more are faster for few streams, and each takes 3 bytes more


@dataclass(frozen=True)
class Lanes:
    """Tiles of several streams, spread over the lanes of each: `tiles` is turns,streams,LANES numbers of tiles, -1 for none."""

    tiles: Array

    @classmethod
    def of(cls, counts: list[int]) -> "Lanes":
        """Return the lanes for streams of so many tiles each; tiles are numbered from the first stream on.

        >>> Lanes.of([1, 2]).tiles[0, :, :3].tolist()
        [[0, -1, -1], [1, 2, -1]]
        """
        turns = -(-max(counts) // LANES)
        tiles = np.full((len(counts), turns * LANES), -1)
        first = 0
        for row, count in enumerate(counts):
            tiles[row, :count] = np.arange(first, first + count)
            first += count
        return cls(np.ascontiguousarray(tiles.reshape(len(counts), turns, LANES).transpose(1, 0, 2)))

    def encode(self, starts: Array, frequencies: Array) -> list[bytes]:
        """Return the bytes of each stream, from tiles,symbols of slots (see `rans.encode`); 0 frequencies say nothing."""
        at = self.tiles
        missing = (at < 0)[None] | (frequencies.T[:, at] == 0)
        shape = (-1, *at.shape[1:])
        said = np.where(missing, 0, starts.T[:, at]), np.where(missing, TOTAL, frequencies.T[:, at])
        return encode(*(each.reshape(shape) for each in said))

    def pop(self, decoder: Decoder, starts: Array, ends: Array) -> Array:
        """Read the next symbol of every tile and return them.

        Args:
            starts, ends: tiles,values: the slots of each value. One whose slots are all there are is certain, and not read.
        """
        found = np.zeros(len(starts), np.int64)
        for at in self.tiles:
            slots = decoder.slots
            values = (slots[:, :, None] >= ends[at]).sum(axis=2).clip(max=ends.shape[1] - 1)
            first, last = (np.take_along_axis(edges[at], values[:, :, None], 2)[:, :, 0] for edges in (starts, ends))
            nothing = at < 0
            decoder.advance(np.where(nothing, 0, first), np.where(nothing, TOTAL, last - first))
            found[at[~nothing]] = values[~nothing]
        return found
