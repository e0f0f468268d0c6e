"""The .sabz file: many images in blocks, each with a checksum of its own, and a header that stands in it twice.

    mark | header | block | block | ... | names | header | mark

A mark says how long the header is, in which version, and the checksums of both; so the first header is found from the start of
the file, the second from its end. The header is compressed JSON: it holds the place and the checksum of every block, so any block
is read without the others, and damage to one leaves the others whole. Every byte of the file lies under one of the checksums.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sablier.errors import ContainerError

VERSION = 1
MAGIC = b"SABZ"
MARK = struct.Struct("<4sHHIII")  # magic, version, nothing, bytes of the header, its checksum, that of the mark before it
MOST_HEADER_BYTES = 64_000_000  # uncompressed: some ten million images
MOST_IN_BLOCK = 64
LONGEST_SIDE = 65_535


class Block(BaseModel):
    """Some images of a container: how many, where in the file, and the CRC-32 of the bytes there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: int = Field(ge=1, le=MOST_IN_BLOCK)
    bytes: int = Field(ge=1)
    checksum: int = Field(ge=0, lt=2**32)


class Names(BaseModel):
    """What images are called and when they were taken, in seconds since 1970; an empty list where that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ids: list[str]
    times: list[int] = Field(default_factory=list)


class Header(BaseModel):
    """What a container says of what it holds.

    Args:
        model: the fingerprint of the model it takes.
        sizes: runs of images of one size: how many, height, width, channels.
        names: bytes and checksum of the section of names and times; 0 bytes where there is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(pattern="^[0-9a-f]{32}$")
    mode: Literal["lossy", "lossless"]
    step: int = Field(ge=1, le=2**20)
    tile: tuple[int, int, int]
    sizes: list[tuple[int, int, int, int]]
    blocks: list[Block]
    names: tuple[int, int] = (0, 0)

    @model_validator(mode="after")
    def _check(self) -> "Header":
        for count, height, width, channels in self.sizes:
            if count < 1 or not 1 <= height <= LONGEST_SIDE or not 1 <= width <= LONGEST_SIDE or channels not in (1, 3):
                raise ValueError(f"images of {height} x {width} x {channels}")
        if not all(1 <= side <= 4096 for side in self.tile[:2]) or self.tile[2] not in (1, 3):
            raise ValueError(f"tiles of {self.tile}")
        if sum(block.images for block in self.blocks) != sum(run[0] for run in self.sizes):
            raise ValueError("the blocks hold other images than the header lists")
        if min(self.names) < 0:
            raise ValueError("a section of negative length")
        return self

    @property
    def images(self) -> int:
        """How many images there are."""
        return sum(run[0] for run in self.sizes)

    def shapes(self) -> list[tuple[int, int, int]]:
        """Return height, width and channels of every image."""
        return [(height, width, channels) for count, height, width, channels in self.sizes for _ in range(count)]


@dataclass(frozen=True)
class Container:
    """A file taken apart.

    Args:
        header: what it says of itself.
        blocks: the bytes of each block; None for one that is damaged or cut off.
        names: what `pack` was given; None where there is nothing, or it is damaged.
        damage: what is wrong, in words; nothing for a file that is whole.
        header_bytes: of both headers and marks.
    """

    header: Header
    blocks: list[bytes | None]
    names: Names | None
    damage: tuple[str, ...]
    header_bytes: int


def pack(header: Header, blocks: list[bytes], names: Names | None = None) -> tuple[bytes, Header]:
    """Return the bytes of a container, and its header, into which lengths and checksums of the sections are put here."""
    section = zlib.compress(names.model_dump_json().encode(), 9) if names else b""
    known = [
        Block(images=old.images, bytes=len(data), checksum=zlib.crc32(data))
        for old, data in zip(header.blocks, blocks, strict=True)
    ]
    whole = header.model_copy(update={"blocks": known, "names": (len(section), zlib.crc32(section))})
    text = zlib.compress(whole.model_dump_json().encode(), 9)
    start = struct.pack("<4sHHII", MAGIC, VERSION, 0, len(text), zlib.crc32(text))
    mark = start + struct.pack("<I", zlib.crc32(start))
    return b"".join([mark, text, *blocks, section, text, mark]), whole


def unpack(data: bytes, source: str = "the file") -> Container:
    """Return what a container holds, as far as it is whole.

    Raises:
        ContainerError: for something else than a container, one of a newer version, or one both of whose headers are damaged.
    """
    found = {"first": _header(data, from_end=False), "second": _header(data, from_end=True)}
    whole = next((each for each in found.values() if isinstance(each, tuple)), None)
    if whole is None:
        raise ContainerError(f"{source} cannot be read: {found['first']}.")
    header, length = whole
    damage = [f"the {which} of its two headers is damaged: {each}" for which, each in found.items() if isinstance(each, str)]
    place = MARK.size + length
    blocks: list[bytes | None] = []
    first = 0
    for number, block in enumerate(header.blocks):
        part = data[place : place + block.bytes]
        good = len(part) == block.bytes and zlib.crc32(part) == block.checksum
        blocks.append(part if good else None)
        if not good:
            damage.append(f"block {number}, of images {first} to {first + block.images - 1}, is damaged or cut off")
        place, first = place + block.bytes, first + block.images
    size, checksum = header.names
    section = data[place : place + size]
    names = None
    if size:
        names = _names(section, header.images) if len(section) == size and zlib.crc32(section) == checksum else None
        if names is None:
            damage.append("the names are damaged or cut off")
    if len(data) != place + size + length + MARK.size:
        damage.append(f"it has {len(data):,} bytes, where its header speaks of {place + size + length + MARK.size:,}")
    return Container(header, blocks, names, tuple(damage), 2 * (MARK.size + length))


def _header(data: bytes, from_end: bool) -> tuple[Header, int] | str:
    """Return one of the two headers and its length in the file, or what is wrong with it."""
    if len(data) < MARK.size:
        return "it is too short for a .sabz file"
    mark = data[-MARK.size :] if from_end else data[: MARK.size]
    magic, version, nothing, length, checksum, own = MARK.unpack(mark)
    if magic != MAGIC:
        return "it does not look like a .sabz file"
    if zlib.crc32(mark[:-4]) != own or nothing:
        return "its mark does not fit its checksum"
    if version > VERSION:
        return f"it is of format {version}, newer than this version of sablier, which reads {VERSION}: update sablier"
    text = data[-MARK.size - length : -MARK.size] if from_end else data[MARK.size : MARK.size + length]
    if len(text) != length or zlib.crc32(text) != checksum:
        return "it does not fit its checksum, or is cut off"
    try:
        header = Header.model_validate_json(_inflated(text))
    except (ValueError, zlib.error) as error:  # pydantic's are ValueErrors
        return f"what it says is not valid ({str(error).splitlines()[-1].strip()})"
    return header, length


def _names(section: bytes, images: int) -> Names | None:
    """Return the names and times of so many images; None where they are not as they should be."""
    try:
        names = Names.model_validate_json(_inflated(section))
    except (ValueError, zlib.error):
        return None
    return names if len(names.ids) == images and len(names.times) in (0, images) else None


def _inflated(data: bytes) -> bytes:
    """Return decompressed bytes; more than any container needs are refused before they fill the memory."""
    stream = zlib.decompressobj()
    found = stream.decompress(data, MOST_HEADER_BYTES)
    if not stream.eof:
        raise ValueError(f"more than {MOST_HEADER_BYTES:,} bytes")
    return found
