"""The assignment of tiles to the interleaved rANS states of streams."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sablier.tasks.codec.rans import TOTAL, Decoder, StreamError, encode

Array = NDArray[np.integer]

STATES = 8  # of a stream: more are faster for few streams, and each takes some 4 bytes more
WIDE_STATES, WIDE_FROM = 128, 1024  # of a stream of so many tiles or more, which would be too slow otherwise


def state_count(tiles: int) -> int:
    """Return how many interleaved states a stream of so many tiles has."""
    return WIDE_STATES if tiles >= WIDE_FROM else STATES


@dataclass(frozen=True)
class InterleavedStreams:
    """Tiles of several streams, spread over the states of each: `tiles` is turns,streams,states of tile numbers, -1 for none."""

    tiles: Array

    @classmethod
    def of(cls, counts: list[int]) -> "InterleavedStreams":
        """Return the states for streams of so many tiles, all with one `state_count`; tiles are numbered in order.

        >>> InterleavedStreams.of([1, 2]).tiles[0, :, :3].tolist()
        [[0, -1, -1], [1, 2, -1]]
        """
        states = state_count(max(counts))
        turns = -(-max(counts) // states)
        tiles = np.full((len(counts), turns * states), -1)
        first = 0
        for row, count in enumerate(counts):
            tiles[row, :count] = np.arange(first, first + count)
            first += count
        return cls(np.ascontiguousarray(tiles.reshape(len(counts), turns, states).transpose(1, 0, 2)))

    def encode(self, starts: Array, frequencies: Array) -> list[bytes]:
        """Return the bytes of each stream, from tiles,symbols of slots (see `rans.encode`); frequency 0 encodes nothing."""
        at = self.tiles
        missing = (at < 0)[None] | (frequencies.T[:, at] == 0)
        shape = (-1, *at.shape[1:])
        said = np.where(missing, 0, starts.T[:, at]), np.where(missing, TOTAL, frequencies.T[:, at])
        return encode(*(each.reshape(shape) for each in said))

    @property
    def count(self) -> int:
        """The number of states of each stream."""
        return int(self.tiles.shape[2])

    def pop(self, decoder: Decoder, starts: Array, ends: Array) -> Array:
        """Read the next symbol of every tile and return them.

        Args:
            starts, ends: tiles,values: the slots of each value. A value with all slots is certain and is not read.

        Raises:
            StreamError: if a stream has ended before its last symbol.
        """
        found = np.zeros(len(starts), np.int64)
        for at in self.tiles:
            slots = decoder.slots
            values = (slots[:, :, None] >= ends[at]).sum(axis=2).clip(max=ends.shape[1] - 1)
            first, last = (np.take_along_axis(edges[at], values[:, :, None], 2)[:, :, 0] for edges in (starts, ends))
            nothing = at < 0
            decoder.advance(np.where(nothing, 0, first), np.where(nothing, TOTAL, last - first))
            found[at[~nothing]] = values[~nothing]
        if decoder.overran():
            raise StreamError("a stream ends before its last symbol")
        return found
