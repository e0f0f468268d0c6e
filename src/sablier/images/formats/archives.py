"""Zip and tar archives of images, read in place: nothing is extracted to disk.

Ids are the member names, in the order of the archive, without `..` and leading `/`, which could lead later writes outside.
Labels are the folders inside. A compressed tar cannot be read out of order: read as a whole, its encoded files are in
memory; streamed, only those of a chunk.
"""

import tarfile
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path, PurePosixPath
from time import mktime
from typing import IO, Any, BinaryIO, cast

from sablier.errors import ImagesError
from sablier.files.names import as_id
from sablier.images.decoding import Entry, image_chunks
from sablier.images.formats import Format, Options, add_format
from sablier.images.formats.base import READ_BYTES, readable
from sablier.images.formats.folders import folder_labels, is_image_name
from sablier.images.imageset import ImageSet
from sablier.images.walking import is_hidden

MEMBER_BYTES = 256 << 20  # an image at Pillow's own limit is that large uncompressed; a longer member is a bomb
HELD_BYTES = 4 << 30


class _Zip:
    """An open zip that threads may read from; one of a path is opened again after pickling."""

    def __init__(self, path: Path | BytesIO, name: str = "") -> None:
        self.path = path
        self.lock = threading.Lock()
        with readable(name or path, "a zip archive"):
            self.file = zipfile.ZipFile(path)

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]

    def open(self, member: zipfile.ZipInfo) -> BinaryIO:
        """Return the bytes of a member; the lock is held while they are read, not while they are decoded."""
        check_member(member.filename, member.file_size)
        with self.lock, readable(member.filename, "a readable member"), self.file.open(member) as stream:
            return BytesIO(_all_of(stream))


def stream_zip(path: Path, options: Options, chunk: int | None) -> Iterator[ImageSet]:
    """Yield the images of a zip archive."""
    entries, others = zip_entries(path, str(path))
    yield from image_chunks(entries, chunk, options, str(path), lambda: f"The archive holds {others} other files.")


def zip_entries(archive: Path | BytesIO, name: str) -> tuple[list[Entry], int]:
    """Return the image files of a zip archive, and how many other files it holds.

    Args:
        archive: its file, or its bytes in memory.
        name: for messages.

    Raises:
        ImagesError: if it is no zip archive.
    """
    opened = _Zip(archive, name)
    with readable(name, "a zip archive"):
        members = [member for member in opened.file.infolist() if not member.is_dir()]
    wanted = [member for member in members if _wanted(member.filename)]
    ids = _unique([_id(member.filename) for member in wanted])
    entries = [
        Entry(id, label, _zip_time(member), partial(opened.open, member))
        for id, label, member in zip(ids, folder_labels(ids), wanted, strict=True)
    ]
    return entries, len(members) - len(wanted)


def stream_tar(path: Path, options: Options, chunk: int | None) -> Iterator[ImageSet]:
    """Yield the images of a tar archive, compressed or not."""
    with readable(path, "a tar archive"):
        plain = _is_plain_tar(path)
    listed = _plain_tar_entries(path) if plain else _compressed_tar_entries(path, hold=chunk is None)
    yield from image_chunks(listed, chunk, options, str(path), lambda: "The archive holds other files or none.")


add_format(
    Format("zip", lambda name: name.endswith(".zip"), lambda head: head.startswith(b"PK"), stream_zip, frozenset({"strict"}))
)
add_format(
    Format(
        "tar",
        lambda name: ".tar" in PurePosixPath(name).suffixes or name.endswith((".tgz", ".tbz2", ".txz")),
        lambda head: head[257:262] == b"ustar",
        stream_tar,
        frozenset({"strict"}),
    )
)


def _plain_tar_entries(path: Path) -> list[Entry]:
    wanted: list[tarfile.TarInfo] = []
    with readable(path, "a tar archive"), tarfile.open(path, "r:") as archive:
        wanted.extend(member for member in _members(archive) if _wanted(member.name))
    ids = _unique([_id(member.name) for member in wanted])
    return [
        Entry(id, label, member.mtime, partial(_slice, path, member.offset_data, member.size))
        for id, label, member in zip(ids, folder_labels(ids), wanted, strict=True)
    ]


def _compressed_tar_entries(path: Path, hold: bool) -> Iterator[Entry]:
    held = 0
    seen: dict[str, int] = {}
    with readable(path, "a tar archive"), tarfile.open(path, "r:*") as archive:
        for member in _members(archive):
            if not _wanted(member.name):
                continue
            (id,) = _unique([_id(member.name)], seen)
            (label,) = folder_labels([id])
            if member.size > MEMBER_BYTES:
                yield Entry(id, label, member.mtime, partial(_slice, path, 0, member.size))
                continue
            stream = archive.extractfile(member)
            data = b"" if stream is None else _all_of(stream)
            held += len(data)
            if hold and held > HELD_BYTES:
                raise ImagesError(
                    f"{path}: expected at most {HELD_BYTES >> 30} GiB of images in a compressed tar, as they are held in "
                    "memory, got more. Unpack it, use a zip, or stream it."
                )
            yield Entry(id, label, member.mtime, partial(BytesIO, data))


def _is_plain_tar(path: Path) -> bool:
    try:
        with tarfile.open(path, "r:"):
            return True
    except (tarfile.ReadError, tarfile.CompressionError):
        return False


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield regular files, and stop at a header that leads backwards, where Python's reader would loop for ever."""
    reached = -1
    for member in archive:
        if member.size < 0 or member.offset_data <= reached:
            raise ImagesError(f"{archive.name!s}: expected a tar archive, got a header that points backwards. It is damaged.")
        reached = member.offset_data
        if member.isreg() and not member.issparse():
            yield member
    # Python's reader takes a damaged header for the end; the real end is a block of zeros, or that of the file.
    stream = cast(IO[bytes], archive.fileobj)
    stream.seek(archive.offset)
    if stream.read(tarfile.BLOCKSIZE).strip(b"\0"):
        raise ImagesError(f"{archive.name!s}: expected a tar archive, but it is damaged or truncated at byte {archive.offset}.")


def _slice(path: Path, offset: int, size: int) -> BinaryIO:
    check_member(path.name, size)
    with open(path, "rb") as stream:
        stream.seek(offset)
        return BytesIO(_all_of(stream, size))


def _all_of(stream: IO[bytes], size: int = MEMBER_BYTES) -> bytes:
    """Read up to `size` bytes in pieces: in one read, a stream allocates all that a false header promises."""
    pieces = []
    while size > 0 and (piece := stream.read(min(size, READ_BYTES))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def check_member(name: str, size: int) -> None:
    """Raise ImagesError for a file that is too long for an image."""
    if size > MEMBER_BYTES:
        raise ImagesError(f"{name}: expected at most {MEMBER_BYTES} bytes, the limit against archive bombs, got {size}.")


def _wanted(name: str) -> bool:
    plain = _plain(name)
    return is_image_name(plain.lower()) and not is_hidden(plain)


def _plain(name: str) -> str:
    """Return a member name as a relative path that stays inside.

    >>> _plain("../../etc/a.png"), _plain("C:\\\\photos\\\\b.png")
    ('etc/a.png', 'C:/photos/b.png')
    """
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", ".", ".."))


def _id(name: str) -> str:
    return as_id(_plain(name))


def _unique(names: list[str], seen: dict[str, int] | None = None) -> list[str]:
    """Return the names, with a number for repeated ones.

    Args:
        seen: the counts so far; updated, for several calls.
    """
    seen = {} if seen is None else seen
    result = []
    for name in names:
        unique = name
        while unique in seen:
            seen[name] += 1
            unique = f"{name}#{seen[name]}"
        seen[unique] = 1
        result.append(unique)
    return result


def _zip_time(member: zipfile.ZipInfo) -> float | None:
    try:
        return mktime((*member.date_time, 0, 0, -1))
    except (ValueError, OverflowError):
        return None
