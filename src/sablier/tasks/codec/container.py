"""The .sabz file: images in blocks, each with its own checksum, and a header that is stored twice.

    mark | header | block | block | ... | names | header | mark

A mark has the length and the version of the header, and the checksums of both. The first header is found from the start of
the file, the second from its end. The header is compressed JSON with the position and the checksum of every block, so any
block can be read without the others, and damage to one does not affect the others. Every byte of the file is covered by a
checksum.
"""

import json
import struct
import zlib
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sablier.errors import ContainerError
from sablier.tasks.codec.interleaved import STATES
from sablier.tasks.codec.rans import STATE_BYTES

VERSION = 1
MAGIC = b"SABZ"
MARK = struct.Struct("<4sHHIII")  # magic, version, unused, bytes of the header, its checksum, that of the mark before it
MOST_HEADER_BYTES = 16_000_000  # uncompressed: a million images of different sizes
MOST_NAMES_BYTES = 64_000_000  # uncompressed, and as an array of equally long names
LEAST_BLOCK_BYTES = STATES * STATE_BYTES
MOST_IN_BLOCK = 64
LONGEST_SIDE = 65_535
EARLIEST, LATEST = -(2**33), 2**36  # seconds since 1970: from 1697 to 4147


class Block(BaseModel):
    """A block of a container: its number of images, its position in the file, and the CRC-32 of its bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: int = Field(ge=1, le=MOST_IN_BLOCK)
    bytes: int = Field(ge=LEAST_BLOCK_BYTES)
    checksum: int = Field(ge=0, lt=2**32)


@dataclass(frozen=True)
class Names:
    """Names and times of images, in seconds since 1970; an empty list if unknown."""

    ids: list[str]
    times: list[int] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        """Return them as JSON; names that are not Unicode, which some file systems allow, are escaped."""
        return json.dumps({"ids": self.ids, "times": self.times}, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes, images: int) -> "Names":
        """Return the names of so many images.

        Raises:
            ValueError: for anything else.
        """
        found = json.loads(data)
        if (
            not isinstance(found, dict)
            or set(found) != {"ids", "times"}
            or not all(isinstance(each, list) for each in found.values())
        ):
            raise ValueError("not names and times")
        ids, times = found["ids"], found["times"]
        if len(ids) != images or not all(isinstance(name, str) for name in ids) or images * max(map(len, ids)) > MOST_NAMES_BYTES:
            raise ValueError("not the names of the images")
        if len(times) not in (0, images) or not all(type(time) is int and EARLIEST <= time <= LATEST for time in times):
            raise ValueError("not the times of the images")
        return cls(ids, times)


class Header(BaseModel):
    """The header of a container.

    Args:
        model: the fingerprint of the model.
        sizes: runs of images of one size: number, height, width, channels.
        names: bytes and checksum of the section of names and times; 0 bytes if there is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(pattern="^[0-9a-f]{32}$")
    mode: Literal["lossy", "lossless"]
    step: int = Field(ge=1, le=2**20)
    tile: tuple[int, int, int]
    sizes: list[tuple[int, int, int, int]]
    blocks: list[Block] = Field(default_factory=list)
    names: tuple[int, int] = (0, 0)

    @model_validator(mode="after")
    def _check(self) -> "Header":
        for count, height, width, channels in self.sizes:
            if count < 1 or not 1 <= height <= LONGEST_SIDE or not 1 <= width <= LONGEST_SIDE or channels not in (1, 3):
                raise ValueError(f"images of {height} x {width} x {channels}")
        if not all(1 <= side <= 4096 for side in self.tile[:2]) or self.tile[2] not in (1, 3):
            raise ValueError(f"tiles of {self.tile}")
        if min(self.names) < 0:
            raise ValueError("a section of negative length")
        return self

    @property
    def images(self) -> int:
        """The number of images."""
        return sum(run[0] for run in self.sizes)

    def shapes(self) -> list[tuple[int, int, int]]:
        """Return height, width and channels of every image."""
        return [shape for count, *sides in self.sizes for shape in [tuple(sides)] * count]  # type: ignore[misc]


@dataclass(frozen=True)
class Container:
    """The contents of a container.

    Args:
        header: its header.
        blocks: the bytes of each block; None if it is damaged or cut off.
        names: names and times; None if there are none, or they are damaged.
        damage: what is wrong, in words; empty for an intact file.
        header_bytes: of both headers and marks.
    """

    header: Header
    blocks: list[bytes | None]
    names: Names | None
    damage: tuple[str, ...]
    header_bytes: int


def pack(header: Header, counts: list[int], blocks: list[bytes], names: Names | None = None) -> tuple[bytes, Header]:
    """Return the bytes of a container, and its complete header.

    Args:
        header: without blocks and names, which are added here.
        counts: the number of images in each block.
    """
    section = zlib.compress(names.to_bytes(), 9) if names else b""
    known = [Block(images=count, bytes=len(data), checksum=zlib.crc32(data)) for count, data in zip(counts, blocks, strict=True)]
    whole = header.model_copy(update={"blocks": known, "names": (len(section), zlib.crc32(section))})
    text = zlib.compress(whole.model_dump_json().encode(), 9)
    start = struct.pack("<4sHHII", MAGIC, VERSION, 0, len(text), zlib.crc32(text))
    mark = start + struct.pack("<I", zlib.crc32(start))
    return b"".join([mark, text, *blocks, section, text, mark]), whole


def unpack(data: bytes, source: str = "the file") -> Container:
    """Return the contents of a container, as far as it is intact.

    Raises:
        ContainerError: if it is no container, has a newer version, or both of its headers are damaged.
    """
    texts = {"first": _header_text(data, from_end=False), "second": _header_text(data, from_end=True)}
    text = next((each for each in texts.values() if isinstance(each, bytes)), None)
    if text is None:
        raise ContainerError(f"{source} cannot be read: {texts['first']!s}.")
    try:
        header = Header.model_validate_json(_inflated(text, MOST_HEADER_BYTES))
    except ValidationError as error:
        raise ContainerError(
            f"{source} cannot be read: what its header says is not valid: {error.errors()[0]['msg']}."
        ) from error
    except (ValueError, zlib.error) as error:
        raise ContainerError(f"{source} cannot be read: what its header says is not valid: {error}.") from error
    if sum(block.images for block in header.blocks) != header.images:
        raise ContainerError(f"{source} cannot be read: what its header says is not valid: its blocks hold other images.")
    damage = [f"the {which} of its two headers is damaged: {each}" for which, each in texts.items() if isinstance(each, str)]
    if not damage and texts["first"] != texts["second"]:
        damage.append("its two headers differ")
    place, first = MARK.size + len(text), 0
    blocks: list[bytes | None] = []
    for number, block in enumerate(header.blocks):
        part = data[place : place + block.bytes]
        good = len(part) == block.bytes and zlib.crc32(part) == block.checksum
        blocks.append(part if good else None)
        if not good:
            damage.append(f"block {number}, of images {first} to {first + block.images - 1}, is damaged or cut off")
        place, first = place + block.bytes, first + block.images
    size, checksum = header.names
    section = data[place : place + size]
    names = _names(section, header.images) if size and len(section) == size and zlib.crc32(section) == checksum else None
    if size and names is None:
        damage.append("the names are damaged or cut off")
    whole = place + size + len(text) + MARK.size
    if len(data) != whole:
        damage.append(f"it has {len(data):,} bytes, where its header speaks of {whole:,}")
    return Container(header, blocks, names, tuple(damage), 2 * (MARK.size + len(text)))


def _header_text(data: bytes, from_end: bool) -> bytes | str:
    """Return one of the two headers, or what is wrong with it."""
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
    if version < 1:
        return f"it is of format {version}, which no version of sablier writes"
    text = data[-MARK.size - length : -MARK.size] if from_end else data[MARK.size : MARK.size + length]
    whole = len(text) == length and zlib.crc32(text) == checksum
    return text if whole else "it does not fit its checksum, or is cut off"


def _names(section: bytes, images: int) -> Names | None:
    """Return the names and times of so many images; None if they are invalid."""
    try:
        return Names.from_bytes(_inflated(section, MOST_NAMES_BYTES), images)
    except (ValueError, RecursionError, zlib.error):
        return None


def _inflated(data: bytes, most: int) -> bytes:
    """Return decompressed bytes; more than `most` are refused before they fill the memory."""
    stream = zlib.decompressobj()
    found = stream.decompress(data, most)
    if not stream.eof or stream.unused_data:
        raise ValueError(f"more than {most:,} bytes, or not all of them")
    return found
