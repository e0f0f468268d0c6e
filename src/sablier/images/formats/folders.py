"""A folder of images, read recursively in sorted order, or one image file."""

import io
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from sablier.errors import ImagesError
from sablier.files.names import as_id
from sablier.images.decoding import SUFFIXES, Entry, image_chunks
from sablier.images.formats import Format, Options, add_format
from sablier.images.formats.cifar import stream_cifar_folder
from sablier.images.imageset import ImageSet
from sablier.images.walking import Found, walked


def is_image_name(name: str) -> bool:
    """Return whether a lower-case file name has the suffix of an image."""
    return name.endswith(SUFFIXES)


def stream_folder(path: Path, options: Options, chunk: int | None) -> Iterator[ImageSet]:
    """Yield the images below a folder; ids are relative paths, labels the name of the innermost folder.

    Hidden files and folders are ignored, and so are files without the suffix of an image. Links to folders are followed.
    Broken links, and links to folders that are read already, are listed as skipped. If all images are at the top, there are
    no labels. A folder of CIFAR binary batches is read as such.
    """
    found = _found_below(path)
    names = [each.name for each in found if not each.fault]
    images = [name for name in names if is_image_name(name.lower())]
    if not images and any(name.lower().endswith(".bin") for name in names):
        yield from stream_cifar_folder(path, options, chunk)
        return
    labels = folder_labels(images)
    entries = (_entry(path, name, label) for name, label in zip(images, labels, strict=True))
    broken = (_broken(each) for each in found if each.fault)
    yield from image_chunks(chain(entries, broken), chunk, options, str(path), lambda: what_else(names))


def stream_image_file(path: Path, options: Options, chunk: int | None) -> Iterator[ImageSet]:
    """Yield the one image of an image file."""
    entry = _entry(path.parent, path.name, None)
    yield from image_chunks([entry], chunk, options, str(path), lambda: "")


def read_files(paths: Sequence[Path]) -> ImageSet:
    """Return image files in this order, decoded on demand; their paths are their ids.

    Raises:
        ImagesError: if none of them can be read.
    """
    entries = (_entry(Path(), str(path), None) for path in paths)
    return next(image_chunks(entries, None, Options(), f"a list of {len(paths)} files", lambda: ""))


SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*")

add_format(
    Format(
        "image",
        is_image_name,
        lambda head: head.startswith(SIGNATURES) or head[8:12] == b"WEBP",
        stream_image_file,
        frozenset({"strict"}),
    )
)


def folder_labels(names: list[str]) -> list[str | None]:
    """Return the innermost folder of each name as its label, "" for names without one; None if no name has a folder.

    >>> folder_labels(["train/good/1.png", "2.png"]), folder_labels(["1.png", "2.png"])
    (['good', ''], [None, None])
    """
    parents = [PurePosixPath(name).parent.name for name in names]
    return list(parents) if any(parents) else [None] * len(names)


def _found_below(path: Path) -> list[Found]:
    """Return every visible regular file and every broken link, sorted by name."""

    def refused(name: str, error: OSError) -> None:
        raise ImagesError(f"{path}: expected a folder that can be read: {error}.") from error

    return sorted(walked(path, refused), key=lambda found: found.name)


def _entry(folder: Path, name: str, label: str | None) -> Entry:
    file = folder / name
    try:
        modified = file.stat().st_mtime
    except OSError:
        modified = None  # it was removed after it was listed; opening it will raise
    return Entry(as_id(name), None if label is None else as_id(label), modified, partial(_open, file))


def _broken(found: Found) -> Entry:
    """Return an entry that raises why it cannot be read."""
    return Entry(as_id(found.name), None, None, partial(_refuse, found))


def _refuse(found: Found) -> BinaryIO:
    raise ImagesError(f"{as_id(found.name)}: expected a file or a folder, but {found.fault}. Mend or remove the link.")


class _File(io.BufferedReader):
    """A file that allocates no more for a read than its size, whatever length a damaged header makes Pillow request."""

    def __init__(self, file: Path) -> None:
        super().__init__(io.FileIO(file))
        self.length = os.fstat(self.fileno()).st_size

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(-1 if size is None or size < 0 else min(size, max(0, self.length - self.tell())))


def _open(file: Path) -> BinaryIO:
    return cast(BinaryIO, _File(file))


def what_else(names: list[str]) -> str:
    """Return what a folder holds, given the names of its files, among which there is no image that can be read."""
    if not names:
        return "The folder is empty."
    suffixes = Counter(PurePosixPath(name).suffix.lower() or "no ending" for name in names)
    counted = ", ".join(f"{count} {suffix}" for suffix, count in suffixes.most_common(5))
    several = "" if is_image_name(names[0].lower()) else " To read one of them, pass its path."
    return f"It holds {counted}.{several}"
