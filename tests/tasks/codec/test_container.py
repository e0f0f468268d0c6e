"""The .sabz file: every flip and every cut is found, what was not touched is still there, hostile files do no harm."""

import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sablier.errors import ContainerError
from sablier.tasks.codec.container import MAGIC, VERSION, Block, Header, Names, pack, unpack

NAMES = Names(ids=["a.png", "b/ü.png", "c"], times=[0, 1_700_000_000, -5])
BLOCKS = [b"first block", b"second"]


def packed(names: Names | None = NAMES) -> bytes:
    header = Header(
        model="0123456789abcdef" * 2,
        mode="lossy",
        step=9,
        tile=(28, 28, 1),
        sizes=[(2, 28, 28, 1), (1, 30, 400, 3)],
        blocks=[Block(images=2, bytes=1, checksum=0), Block(images=1, bytes=1, checksum=0)],
    )
    return pack(header, BLOCKS, names)[0]


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
    ],
)
def test_a_header_that_claims_what_cannot_be_is_refused(change):
    header = unpack(packed()).header.model_dump() | change
    import json

    with pytest.raises(ContainerError, match="not valid"):
        unpack(marked(zlib.compress(json.dumps(header).encode())))


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
