"""Alpha and transparent colours, at every depth that PNG has: over white, and grey stays grey."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from sablier.images import read_images

GREY, COLOUR, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 4, 6


def png(path: Path, depth: int, kind: int, rows: list[bytes], transparent: bytes = b"", width: int = 2) -> Path:
    """Write a PNG by hand: Pillow writes neither these depths nor their transparent colours."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, len(rows), depth, kind, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    extra = chunk(b"tRNS", transparent) if transparent else b""
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))
    return path


def read(path: Path) -> np.ndarray:
    images = read_images(path, strict=True)
    assert images.channels[0] == images[0].shape[2]
    assert images.depths[0] == 8 * images[0].dtype.itemsize
    return images[0]


def words(*values: int) -> bytes:
    return struct.pack(f">{len(values)}H", *values)


@pytest.mark.parametrize(
    ("depth", "row", "transparent", "expected"),
    [
        (1, b"\x40", 0, [255, 255]),
        (1, b"\x40", 1, [0, 255]),
        (2, b"\x10", 1, [0, 255]),
        (4, b"\x15", 5, [17, 255]),
        (8, b"\x07\x09", 7, [255, 9]),
        (16, words(1000, 40000), 1000, [65535, 40000]),
        (16, words(1000, 40000), 3, [1000, 40000]),
    ],
)
def test_a_transparent_grey_is_white_at_every_depth(tmp_path, depth, row, transparent, expected):
    image = read(png(tmp_path / "a.png", depth, GREY, [row], words(transparent)))
    assert image[0, :, 0].tolist() == expected
    assert image.dtype == (np.uint16 if depth == 16 else np.uint8)


def test_16_bit_grey_with_alpha_is_one_channel_of_16_bits_over_white(tmp_path):
    rows = [words(1000, 65535, 40000, 0), words(1001, 65535, 50000, 32768)]
    image = read(png(tmp_path / "a.png", 16, GREY_ALPHA, rows))
    assert image.dtype == np.uint16
    half = round(50000 * 32768 / 65535 + 65535 * (1 - 32768 / 65535))
    assert image[..., 0].tolist() == [[1000, 65535], [1001, half]]


def test_16_bit_grey_with_opaque_alpha_is_as_it_was(tmp_path):
    values = np.random.default_rng(0).integers(0, 65536, (5, 7))
    rows = [words(*np.stack([row, np.full(7, 65535)], axis=1).ravel().tolist()) for row in values]
    assert np.array_equal(read(png(tmp_path / "a.png", 16, GREY_ALPHA, rows, width=7))[..., 0], values)


@pytest.mark.parametrize("depth", [8, 16])
def test_a_transparent_colour_is_white(tmp_path, depth):
    values = (7, 9, 11, 200, 100, 50)
    row = bytes(values) if depth == 8 else words(*(value << 8 for value in values))
    transparent = words(*values[:3]) if depth == 8 else words(*(value << 8 for value in values[:3]))
    image = read(png(tmp_path / "a.png", depth, COLOUR, [row], transparent))
    assert image.tolist() == [[[255, 255, 255], [200, 100, 50]]]


def test_16_bit_colour_with_alpha_is_8_bits_over_white(tmp_path):
    image = read(png(tmp_path / "a.png", 16, COLOUR_ALPHA, [words(1000, 0, 40000, 65535, 1, 2, 3, 0)]))
    assert image.tolist() == [[[3, 0, 156], [255, 255, 255]]]
