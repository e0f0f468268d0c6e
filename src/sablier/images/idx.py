"""IDX, the format of MNIST: a big-endian header (zero, zero, type, dimensions, sizes), then the values; gzipped or not.

Specification: http://yann.lecun.com/exdb/mnist/ (LeCun, Cortes, Burges), section "The IDX file format".
"""

import gzip
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from sablier.errors import ImagesError
from sablier.images.formats.base import LARGEST_DEFLATE_RATIO, check_room, readable, rows
from sablier.typing import Array

UNSIGNED_BYTES = 0x08
TYPES = {0x08: "unsigned bytes", 0x09: "signed bytes", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64"}


def is_idx_name(name: str) -> bool:
    """Return whether a lower-case file name is that of an IDX file."""
    return re.search(r"[-.](idx\d?|ubyte)(-ubyte)?(\.gz)?$", name) is not None


def is_idx_head(head: bytes) -> bool:
    """Return whether the first bytes of a file, decompressed, are those of an IDX file."""
    return len(head) > 3 and head[:2] == b"\0\0" and head[2] in TYPES and head[3] in (1, 2, 3, 4)


def read_idx(path: Path, dimensions: tuple[int, ...]) -> Array:
    """Return a whole IDX file of unsigned bytes with one of these numbers of dimensions."""
    with readable(path, "an IDX file"), opened_idx(path) as (stream, shape):
        check_dimensions(path, shape, dimensions)
        return next(idx_blocks(path, stream, shape, None))


def idx_blocks(path: Path, stream: BinaryIO, shape: tuple[int, ...], chunk: int | None) -> Iterator[Array]:
    """Yield the values of an open IDX file, `chunk` rows at a time.

    For None all at once, as a memory map if they are not compressed.
    """
    if chunk is None and not _is_gzip(path):
        offset = stream.tell()
        if path.stat().st_size != offset + int(np.prod(shape)):
            raise ImagesError(f"{path}: expected {shape[0]} images as its header says, but the file goes on after them.")
        yield np.memmap(path, np.uint8, "r", offset, shape)
    else:
        # Streamed by reads: the pages of a memory map would count as memory of this process.
        yield from rows(stream, np.dtype(np.uint8), shape, chunk, path)


@contextmanager
def opened_idx(path: Path) -> Iterator[tuple[BinaryIO, tuple[int, ...]]]:
    """Open an IDX file and read its header; its sizes are checked against the length of the file."""
    compressed = _is_gzip(path)
    with cast(BinaryIO, gzip.open(path)) if compressed else open(path, "rb") as stream:
        magic = stream.read(4)
        if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES:
            raise ImagesError(f"{path}: expected an IDX file, which starts 00 00 08, got {magic.hex(' ') or 'nothing'}.")
        if magic[2] != UNSIGNED_BYTES:
            raise ImagesError(f"{path}: expected IDX type 0x08 (unsigned bytes), got 0x{magic[2]:02x} ({TYPES[magic[2]]}).")
        sizes = stream.read(4 * magic[3])
        if len(sizes) < 4 * magic[3]:
            raise ImagesError(f"{path}: expected {magic[3]} sizes in its IDX header, but the file ends in them.")
        shape = struct.unpack(f">{magic[3]}I", sizes)
        length = path.stat().st_size
        check_room(shape, np.uint8, length * LARGEST_DEFLATE_RATIO if compressed else length - stream.tell(), path)
        yield stream, shape


def check_dimensions(path: Path, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Raise ImagesError if an IDX file has another number of dimensions."""
    if len(shape) not in expected:
        kind = "labels (1 dimension)" if expected == (1,) else "images (3 or 4 dimensions)"
        raise ImagesError(f"{path}: expected IDX {kind}, got {len(shape)} dimensions, {shape}.")


def _is_gzip(path: Path) -> bool:
    with open(path, "rb") as stream:
        return stream.read(2) == b"\x1f\x8b"
