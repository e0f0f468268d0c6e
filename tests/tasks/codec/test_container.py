"""The .sabz file: every flip and every cut is found, what was not touched is still there, hostile files do no harm."""

import json
import struct
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sablier.errors import ContainerError
from sablier.tasks.codec.container import MAGIC, VERSION, Header, Names, pack, unpack

NAMES = Names(ids=["a.png", "b/ü.png", "c"], times=[0, 1_700_000_000, -5])
BLOCKS = [b"first block" * 4, b"second" * 8]


def packed(names: Names | None = NAMES) -> bytes:
    header = Header(
        model="0123456789abcdef" * 2,
        mode="lossy",
        step=9,
        tile=(28, 28, 1),
        sizes=[(2, 28, 28, 1), (1, 30, 400, 3)],
    )
    return pack(header, [2, 1], BLOCKS, names)[0]


def marked(text: bytes, version: int = VERSION) -> bytes:
    """Return a file whose marks and checksums are right, whatever its header says."""
    start = struct.pack("<4sHHII", MAGIC, version, 0, len(text), zlib.crc32(text))
    mark = start + struct.pack("<I", zlib.crc32(start))
    return mark + text + text + mark


def test_what_goes_in_comes_out():
    found = unpack(packed())
    assert found.blocks == BLOCKS
    assert found.names == NAMES
    assert found.damage == ()
    assert found.header.images == 3
    assert found.header.shapes() == [(28, 28, 1), (28, 28, 1), (30, 400, 3)]
    assert found.header_bytes + sum(map(len, BLOCKS)) + found.header.names[0] == len(packed())


def test_names_may_be_left_out():
    found = unpack(packed(None))
    assert found.names is None
    assert found.damage == ()
    assert found.header.names[0] == 0


def test_every_flip_of_a_bit_is_found_and_harms_one_part_alone():
    whole = packed()
    for place in range(len(whole)):
        for bit in range(8):
            data = bytearray(whole)
            data[place] ^= 1 << bit
            found = unpack(bytes(data))
            assert len(found.damage) == 1, (place, bit)
            assert (found.blocks[0] != BLOCKS[0]) + (found.blocks[1] != BLOCKS[1]) + (found.names != NAMES) <= 1
            assert set(found.blocks) <= {*BLOCKS, None}


def test_every_cut_is_found_and_leaves_what_comes_before_it():
    whole = packed()
    first = whole.index(BLOCKS[0])
    for length in range(len(whole)):
        if length < first:
            with pytest.raises(ContainerError):
                unpack(whole[:length])
        else:
            found = unpack(whole[:length])
            assert found.damage
            assert found.blocks[0] == (BLOCKS[0] if length >= first + len(BLOCKS[0]) else None)


def test_the_second_header_stands_in_for_the_first():
    whole = packed()
    found = unpack(bytes(len(MAGIC)) + whole[len(MAGIC) :])
    assert found.blocks == BLOCKS
    assert "first of its two headers" in found.damage[0]


def test_bytes_before_and_after_are_found():
    assert "bytes, where its header speaks of" in " ".join(unpack(packed() + b"x").damage)
    assert unpack(b"x" + packed()).damage


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "too short"),
        (b"x" * 1000, "does not look like a .sabz file"),
        (marked(b"{}", VERSION + 1), "newer than this version"),
        (marked(b"{}", 0), "format 0, which no version of sablier writes"),
        (marked(zlib.compress(b"{}")), "not valid"),
        (marked(b"not compressed"), "not valid"),
        (marked(zlib.compress(bytes(200_000_000), 9)), "more than"),
        (marked(zlib.compress(b'{"model": "' + b"0" * 32 + b'"}')), "not valid"),
    ],
)
def test_what_cannot_be_read_is_said(data, message):
    with pytest.raises(ContainerError, match=message):
        unpack(data, "images.sabz")


@pytest.mark.parametrize(
    "change",
    [
        {"sizes": [(3, 0, 28, 1)]},
        {"sizes": [(3, 28, 10**9, 1)]},
        {"sizes": [(-3, 28, 28, 1)]},
        {"sizes": [(3, 28, 28, 2)]},
        {"sizes": [(10**12, 28, 28, 1)]},
        {"tile": (0, 28, 1)},
        {"tile": (28, 28, 4)},
        {"step": 0},
        {"model": "x"},
        {"mode": "other"},
        {"names": (-1, 0)},
        {"more": 1},
        {"blocks": []},
        {"blocks": [{"images": 3, "bytes": 3, "checksum": 0}]},
        {"blocks": [{"images": 65, "bytes": 100, "checksum": 0}], "sizes": [(65, 28, 28, 1)]},
    ],
)
def test_a_header_that_claims_what_cannot_be_is_refused(change):
    header = unpack(packed()).header.model_dump() | change
    with pytest.raises(ContainerError, match="not valid"):
        unpack(marked(zlib.compress(json.dumps(header).encode())))


def test_two_headers_that_differ_are_found():
    whole, other = packed(), packed(None)
    length = len(other) - len(other.rstrip()) + unpack(other).header_bytes // 2
    assert "its two headers differ" in unpack(whole[: -unpack(whole).header_bytes // 2] + other[-length:]).damage


def test_names_that_are_not_unicode_are_kept():
    names = Names(ids=["\udcff.png", "\ud800", "ok"])
    assert unpack(packed(names)).names == names


@pytest.mark.parametrize(
    "names",
    [
        {"ids": ["a", "b"], "times": []},
        {"ids": ["a", "b", 3], "times": []},
        {"ids": ["a", "b", "c"], "times": [1, 2]},
        {"ids": ["a", "b", "c"], "times": [10**30, 0, 0]},
        {"ids": ["a", "b", "c"], "times": [True, 0, 0]},
        {"ids": ["a", "b", "x" * 40_000_000], "times": []},
        {"ids": "abc", "times": []},
        ["a", "b", "c"],
        [[[[[["a"]]]]]] * 3,
    ],
)
def test_names_that_cannot_be_cost_the_names_alone(names):
    class Given(Names):
        def to_bytes(self) -> bytes:
            return json.dumps(names).encode()

    found = unpack(packed(Given([], [])))
    assert found.names is None
    assert found.blocks == BLOCKS
    assert found.damage == ("the names are damaged or cut off",)


def test_a_bomb_among_the_names_is_not_unpacked():
    class Bomb(Names):
        def to_bytes(self) -> bytes:
            return bytes(100_000_000)

    tracemalloc.start()
    assert unpack(packed(Bomb([], []))).names is None
    assert tracemalloc.get_traced_memory()[1] < 250_000_000
    tracemalloc.stop()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_comes_is_read_or_refused(data):
    whole = packed()
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, len(whole)))
    changed = whole[:start] + data.draw(st.binary(max_size=60)) + whole[stop:]
    try:
        found = unpack(changed)
    except ContainerError:
        return
    assert found.damage or changed == whole


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["model", "mode", "step", "tile", "sizes", "blocks", "names"]), VALUES))
def test_a_header_with_right_checksums_is_read_or_refused(change):
    header = unpack(packed()).header.model_dump() | change
    try:
        found = unpack(marked(zlib.compress(json.dumps(header).encode())))
    except ContainerError:
        return
    assert found.damage
    assert len(found.header.shapes()) == found.header.images
