"""Range asymmetric numeral systems (Duda 2013) in integers, for many streams of interleaved states (Giesen 2014) at once.

A stream has a few interleaved states, which take turns and share its words. NumPy advances all states of all streams in one
step, and the result does not depend on how many streams are decoded together. There are no floating-point numbers.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.integer]

PRECISION = 16  # bits: the frequencies of all symbols sum to 2 ** PRECISION
TOTAL = 1 << PRECISION
WORD_BITS = 16
LOWEST = 1 << 24  # a state is from here to 2 ** 40, so that it holds fractions of a bit well
STATE_BYTES = 5


class StreamError(ValueError):
    """A stream with invalid contents."""


def encode(starts: Array, frequencies: Array) -> list[bytes]:
    """Return the bytes of each stream.

    Args:
        starts, frequencies: steps,streams,states. Each symbol takes `frequencies` of the 2 ** 16 slots from `starts` on. One
            that takes all of them, from 0, is free, for states that have nothing to encode.
    """
    steps, streams, states = starts.shape
    state = np.full((streams, states), LOWEST, np.uint64)
    said, words = np.zeros((steps, streams, states), bool), np.zeros((steps, streams, states), np.uint16)
    for step in range(steps - 1, -1, -1):
        start, frequency = starts[step].astype(np.uint64), frequencies[step].astype(np.uint64)
        # If the symbol would push the state over its limit, the lowest bits are written first.
        full = state >= frequency * np.uint64(LOWEST >> (PRECISION - WORD_BITS))
        said[step], words[step] = full, state & np.uint64(0xFFFF)
        state = np.where(full, state >> np.uint64(WORD_BITS), state)
        times, rest = np.divmod(state, frequency)
        state = (times << np.uint64(PRECISION)) + rest + start
    little = state.astype("<u8").view(np.uint8).reshape(streams, states, 8)[:, :, :STATE_BYTES]
    return [little[row].tobytes() + words[:, row][said[:, row]].astype("<u2").tobytes() for row in range(streams)]


class Decoder:
    """Decodes streams of `encode` in step: read `slots`, find the symbols, then `advance` by them.

    Args:
        streams: the bytes of each.
        states: of every stream, as in encoding.
    """

    def __init__(self, streams: list[bytes], states: int) -> None:
        head = states * STATE_BYTES
        state = np.zeros((len(streams), states, 8), np.uint8)
        tails = []
        for row, stream in enumerate(streams):
            if len(stream) < head or (len(stream) - head) % 2:
                raise StreamError(f"a stream of {states} states has {len(stream)} bytes")
            state[row, :, :STATE_BYTES] = np.frombuffer(stream, np.uint8, head).reshape(states, STATE_BYTES)
            tails.append(np.frombuffer(stream, "<u2", offset=head))
        self.state = state.view("<u8")[:, :, 0].astype(np.uint64)
        counts = np.array([len(tail) for tail in tails])
        self.words = np.concatenate([*tails, np.zeros(1, np.uint16)]).astype(np.uint64)
        self.ends = np.cumsum(counts)
        self.places = self.ends - counts

    @property
    def slots(self) -> Array:
        """Return streams,states: the slot below 2 ** 16 of the next symbol of each state."""
        return (self.state & np.uint64(TOTAL - 1)).astype(np.int64)

    def advance(self, starts: Array, frequencies: Array) -> None:
        """Advance over the symbols that were found, streams,states: where their slots start and how many they take."""
        slots = self.state & np.uint64(TOTAL - 1)
        self.state = frequencies.astype(np.uint64) * (self.state >> np.uint64(PRECISION)) + slots - starts.astype(np.uint64)
        low = self.state < np.uint64(LOWEST)
        # States of a stream take its next words in order. Beyond the end, they read anything: see `overran`.
        places = np.minimum(self.places[:, None] + np.cumsum(low, axis=1) - low, len(self.words) - 1)
        self.state = np.where(low, (self.state << np.uint64(WORD_BITS)) | self.words[places], self.state)
        self.places = self.places + low.sum(axis=1)

    def overran(self) -> bool:
        """Return whether a stream was read beyond its end."""
        return bool((self.places > self.ends).any())

    def ended(self) -> bool:
        """Return whether every stream was read exactly to its end."""
        return bool((self.places == self.ends).all() and (self.state == np.uint64(LOWEST)).all())
