"""The entropy coder: what goes in comes out, in the bytes that information theory allows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sablier.tasks.codec.interleaved import STATES, InterleavedStreams
from sablier.tasks.codec.rans import LOWEST, TOTAL, Decoder, StreamError, encode
from sablier.tasks.codec.tables import frequencies, starts


@given(st.lists(st.integers(0, 2**30), min_size=1, max_size=300))
def test_frequencies_are_whole_positive_and_add_up(weights):
    found = frequencies(np.array(weights))
    assert found.sum() == TOTAL
    assert found.min() >= 1


def test_frequencies_keep_the_order_of_weights():
    weights = np.array([[5, 900, 0, 37], [1, 1, 1, 1]])
    found = frequencies(weights)
    assert (np.argsort(found[0]) == np.argsort(weights[0])).all()
    assert np.ptp(found[1]) <= 1


def coded(counts: list[int], symbols: int, values: int, seed: int) -> tuple[list[bytes], np.ndarray, np.ndarray]:
    """Return streams of random symbols of random tables, the symbols, and their tables, tiles,symbols,values."""
    random = np.random.default_rng(seed)
    tables = frequencies((random.dirichlet(np.full(values, 0.3), (sum(counts), symbols)) * 2**20).astype(np.int64))
    said = np.array([[random.choice(values, p=table / TOTAL) for table in row] for row in tables])
    begin, taken = (np.take_along_axis(each, said[..., None], 2)[..., 0] for each in (starts(tables), tables))
    return InterleavedStreams.of(counts).encode(begin, taken), said, tables


@pytest.mark.parametrize("counts", [[1], [8], [64], [9, 1, 20], [3] * 7])
def test_what_goes_in_comes_out(counts):
    streams, said, tables = coded(counts, 6, 5, seed=len(counts))
    states, decoder = InterleavedStreams.of(counts), Decoder(streams, STATES)
    for column in range(said.shape[1]):
        own = tables[:, column]
        assert (states.pop(decoder, starts(own), starts(own) + own) == said[:, column]).all()
    assert decoder.ended()


def test_streams_do_not_depend_on_those_coded_with_them():
    together, said, tables = coded([9, 1, 20], 6, 5, seed=0)
    begin, taken = (np.take_along_axis(each, said[..., None], 2)[..., 0] for each in (starts(tables), tables))
    assert together[1] == InterleavedStreams.of([1]).encode(begin[9:10], taken[9:10])[0]
    assert together[2] == InterleavedStreams.of([20]).encode(begin[10:], taken[10:])[0]


def test_it_takes_hardly_more_bytes_than_the_information():
    streams, said, tables = coded([64], 60, 16, seed=1)
    bits = -np.log2(np.take_along_axis(tables, said[..., None], 2) / TOTAL).sum()
    assert len(streams[0]) - bits / 8 < 5 * STATES + 0.001 * bits / 8


def test_what_is_certain_takes_no_bytes():
    begin, taken = np.zeros((5, 1000), int), np.full((5, 1000), TOTAL)
    (stream,) = InterleavedStreams.of([5]).encode(begin, taken)
    assert stream == LOWEST.to_bytes(5, "little") * STATES


def test_a_stream_cut_off_or_altered_is_not_taken_for_whole():
    streams, said, tables = coded([16], 20, 8, seed=2)
    states = InterleavedStreams.of([16])

    def ends(stream: bytes) -> bool:
        decoder = Decoder([stream], STATES)
        for column in range(said.shape[1]):
            own = tables[:, column]
            try:
                states.pop(decoder, starts(own), starts(own) + own)
            except StreamError:
                return False
        return decoder.ended()

    assert ends(streams[0])
    assert not ends(streams[0][:-2])
    assert not ends(streams[0] + b"ab")
    assert not ends(streams[0][:50] + bytes([streams[0][50] ^ 4]) + streams[0][51:])
    with pytest.raises(StreamError, match="bytes"):
        Decoder([streams[0][:7]], STATES)


def test_a_stream_that_is_over_is_not_read_on():
    states = InterleavedStreams.of([64])
    even = frequencies(np.ones((64, 256), int))
    decoder = Decoder([LOWEST.to_bytes(5, "little") * STATES], STATES)
    # A state holds two symbols of eight bits before it wants a word.
    with pytest.raises(StreamError, match="ends before"):
        states.pop(decoder, starts(even), starts(even) + even)


def test_large_streams_have_more_lanes():
    streams, said, tables = coded([1100], 2, 5, seed=3)
    states = InterleavedStreams.of([1100])
    assert states.count > STATES
    decoder = Decoder(streams, states.count)
    for column in range(2):
        own = tables[:, column]
        assert (states.pop(decoder, starts(own), starts(own) + own) == said[:, column]).all()
    assert decoder.ended()


def test_encode_takes_the_most_and_the_least_likely_symbol():
    begin, taken = np.array([[[0]], [[TOTAL - 1]], [[0]]]), np.array([[[TOTAL - 1]], [[1]], [[TOTAL - 1]]])
    (stream,) = encode(begin, taken)
    decoder = Decoder([stream], 1)
    for start, frequency in zip(begin, taken, strict=True):
        assert start <= decoder.slots < start + frequency
        decoder.advance(start, frequency)
    assert decoder.ended()
