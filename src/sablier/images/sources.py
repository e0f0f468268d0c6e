"""Read images from any source: as a whole, or streamed in constant memory.

Sources are folders, single image files, CSV, .npy, .npz, IDX, CIFAR binary batches, zip and tar archives, URLs of such folders
and files (`s3://bucket/photos`), named sets (`mnist`, `mnist:test`) and arrays. The name of a file decides its format, or else
its first bytes. Each format is a file in `sablier.images.formats`. `sablier.images.decoding` states how image files become
pixels (alpha, palettes, 16 bits, orientation).
"""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from itertools import chain
from pathlib import Path
from typing import Any

from sablier.errors import ImagesError, nearest
from sablier.files.names import printable
from sablier.images.datasets import is_dataset, list_dataset_names, load_dataset
from sablier.images.formats import FORMATS, Format, Options
from sablier.images.formats.arrays import NPZ, images_from_array, stream_npz
from sablier.images.formats.base import Portion
from sablier.images.formats.folders import stream_folder
from sablier.images.formats.remote import fetched, is_remote, stream_remote
from sablier.images.imageset import ImageSet
from sablier.images.selection import Condition, check_not_empty, parse_selection, selected
from sablier.typing import Array

HEAD_BYTES = 512


def read_images(
    source: object,
    *,
    label_column: str | int | None = None,
    labels: str | Path | Sequence[Any] | Array | None = None,
    shape: tuple[int, ...] | None = None,
    strict: bool = False,
) -> ImageSet:
    """Read all images of a source.

    Args:
        source: a path; a URL, such as "s3://bucket/photos"; a named set, such as "mnist" or "mnist:test" (a file of that name is
            "./mnist"); `file.npz:key`; an N,H,W, N,H,W,C or N,D array; or an `ImageSet`. A path, URL or name may end in a
            selection: "mnist[label=5]", "mnist:test[label!=5,6]".
        label_column: the column of a CSV with the labels: its name or position (-1 is the last).
        labels: labels from elsewhere: a sequence, or a file (text with one label a line, .npy or IDX).
        shape: (height, width) or (height, width, channels) of flattened images that are not square and grey.
        strict: raise an error for an image that cannot be decoded. Otherwise it is left out and listed in `skipped`: now if
            its header is damaged, in `ImageSet.dense` if its pixels are.

    Returns:
        The images. Image files are decoded on demand; every other format is one dense array or memory map.

    Raises:
        ImagesError: if the source does not exist, is damaged or contains no image, or if an option does not apply to it.
        UnknownName: if a named set does not have the split.

    Examples:
        >>> import numpy as np
        >>> from sablier import read_images
        >>> read_images(np.zeros((3, 784), np.uint8)).shape
        (28, 28, 1)
    """
    place, conditions = _split(source)
    whole = ImageSet.concatenate(list(_stream_named(place, Options(label_column, labels, shape, strict), None)))
    if not conditions:
        return whole
    return replace(check_not_empty(selected(whole, conditions), whole, str(source)), source=printable(str(source)))


def stream_images(
    source: object,
    *,
    chunk: int = 1024,
    label_column: str | int | None = None,
    labels: str | Path | Sequence[Any] | Array | None = None,
    shape: tuple[int, ...] | None = None,
    strict: bool = False,
) -> Iterator[ImageSet]:
    """Yield the images of a source in order, in memory that does not grow with the source.

    Args:
        source: as for `read_images`; so are all other arguments but `chunk`.
        chunk: the most images that are yielded at once, at least 1.
        label_column: the column of a CSV with the labels.
        labels: labels from elsewhere.
        shape: the shape of flattened images.
        strict: raise an error for an image that cannot be decoded.

    Returns:
        An iterator of sets with the ids that `read_images` gives. Damage further on in a file is an error when it is
        reached.

    Raises:
        ImagesError: as for `read_images`: now if the source is missing, otherwise while iterating.

    Examples:
        >>> import numpy as np
        >>> from sablier import stream_images
        >>> [len(images) for images in stream_images(np.zeros((5, 784), np.uint8), chunk=2)]
        [2, 2, 1]
    """
    if chunk < 1:
        raise ImagesError(f"expected a chunk of at least 1 image, got {chunk}.")
    place, conditions = _split(source)
    stream = _stream_named(place, Options(label_column, labels, shape, strict), chunk)
    first = next(stream)  # so that a missing source is an error here and not at the first chunk
    return (selected(images, conditions) for images in chain([first], stream))


def stream_portion(source: object, portion: Portion, *, chunk: int, **reading: Any) -> Iterator[ImageSet]:
    """Yield some of the chunks that `stream_images` divides a source into, and of these the wanted images.

    Args:
        source: as for `read_images`; so are the options in `reading`.
        portion: which chunks; there is a set for each, perhaps an empty one.
        chunk: how many places of the source are in a chunk.

    Raises:
        ImagesError: as for `stream_images`, while iterating.

    >>> import numpy as np
    >>> [images.ids.tolist() for images in stream_portion(np.zeros((5, 8, 8), np.uint8), Portion(range(1, 3)), chunk=2)]
    [['2', '3'], ['4']]
    """
    place, conditions = _split(source)
    for number, images in enumerate(_stream_named(place, Options(**reading, portion=portion), chunk)):
        if number >= portion.chunks.stop:
            return
        if number in portion.chunks:
            wanted = portion.wanted
            yield selected(images if wanted is None else images.take([wanted(id) for id in images.ids.tolist()]), conditions)


def place_of(source: object) -> Path | None:
    """Return the file or folder of a source; None for arrays, named sets, and what does not exist.

    >>> place_of("digits"), place_of("nowhere/[label=3]"), place_of(".") == Path()
    (None, None, True)
    """
    whole, _ = _split(source)
    if not isinstance(whole, str | Path) or (isinstance(whole, str) and (not whole or is_dataset(whole) or is_remote(whole))):
        return None
    path = Path(whole).expanduser()
    if _exists(path):
        return path
    file, colon, _ = str(path).rpartition(":")
    return Path(file) if colon and _exists(Path(file)) else None


def _exists(path: Path) -> bool:
    """Return whether a path exists; an invalid name does not."""
    try:
        return path.exists()
    except OSError:
        return False


def _split(source: object) -> tuple[object, tuple[Condition, ...]]:
    """Return a source and its selection; a file of exactly that name takes precedence."""
    if isinstance(source, str | Path) and not _exists(Path(source)):
        return parse_selection(str(source))
    return source, ()


def _stream_named(source: object, options: Options, chunk: int | None) -> Iterator[ImageSet]:
    """Yield the images of a source; the name of the source is made printable."""
    for images in _stream(source, options, chunk):
        yield images if printable(images.source) == images.source else replace(images, source=printable(images.source))


def _stream(source: object, options: Options, chunk: int | None) -> Iterator[ImageSet]:
    if not isinstance(source, str | Path):
        if isinstance(source, ImageSet):
            _check_options("ImageSet", options, frozenset())
            return _chunks(source, chunk)
        _check_options("array", options, frozenset({"labels", "shape"}))
        return _chunks(images_from_array(source, options), chunk)
    if isinstance(source, str) and is_dataset(source):
        _check_options("named set", options, frozenset({"strict"}))
        name, _, split = source.partition(":")
        return _chunks(load_dataset(name, split or "train"), chunk)
    if is_remote(source):
        return _remote(str(source), options, chunk)
    if not str(source):
        raise ImagesError("expected a path or a named set, got an empty name. Pass one.")
    path = Path(source).expanduser()
    if _exists(path) and path.is_dir():
        _check_options("folder", options, frozenset({"strict"}))
        return stream_folder(path, options, chunk)
    file, colon, key = str(path).rpartition(":")
    if colon and file.lower().endswith(".npz") and not _exists(path):
        _check_options(NPZ.name, options, NPZ.takes)
        _check_exists(Path(file))
        return stream_npz(Path(file), options, chunk, key)
    _check_exists(path)
    found = _format_of(path)
    _check_options(found.name, options, found.takes)
    return found.stream(path, options, chunk)


def _remote(url: str, options: Options, chunk: int | None) -> Iterator[ImageSet]:
    """Yield the images behind a URL; of an .npz file, an array may be named behind it."""
    file, colon, key = url.rpartition(":")
    url, suffix = (file, f":{key}") if colon and file.lower().endswith(".npz") else (url, "")
    found = stream_remote(url, options, chunk)
    if found is None:
        copies = _stream(f"{fetched(url)}{suffix}", options, chunk)
        return (replace(images, source=f"{url}{suffix}") for images in copies)
    _check_options("remote images", options, frozenset({"strict"}))
    return found


def _chunks(images: ImageSet, chunk: int | None) -> Iterator[ImageSet]:
    return iter([images]) if chunk is None else images.chunks(chunk)


def _check_exists(path: Path) -> None:
    if _exists(path):
        if path.is_file():
            return
        raise ImagesError(f"{path}: expected a file or a folder, got something else (a device or a pipe). Save it first.")
    try:
        beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
    except OSError:
        beside = []
    known = list_dataset_names()
    raise ImagesError(
        f"{str(path)!r}: no such file or folder, nor a named set.{nearest(path.name, [*known, *beside])} "
        f"Named sets: {', '.join(known)}."
    )


def _check_options(name: str, options: Options, takes: frozenset[str]) -> None:
    """Refuse an option that would have no effect. `strict` is allowed for formats that are read as a whole."""
    values = {field.name: getattr(options, field.name) for field in fields(options)}
    given = {name for name, value in values.items() if value is not None and value is not False}
    for option in sorted(given - takes - {"strict", "portion"}):
        where = {"labels": " Its labels come with it.", "label_column": " It is for CSV."}.get(option, "")
        raise ImagesError(f"{option} means nothing for a source of kind {name}.{where} Leave it out.")


def _format_of(path: Path) -> Format:
    name = path.name.lower()
    for candidate in FORMATS.values():
        if candidate.named(name):
            return candidate
    head = _head(path)
    for candidate in FORMATS.values():
        if candidate.looks_like(head):
            return candidate
    raise ImagesError(f"{path}: expected a file of a known kind ({', '.join(FORMATS)}), got one that is none of them.")


def _head(path: Path) -> bytes:
    """Return the first bytes of a file, decompressed if it is gzipped."""
    try:
        with open(path, "rb") as stream:
            head = stream.read(HEAD_BYTES)
        if head.startswith(b"\x1f\x8b"):
            with gzip.open(path) as decompressed:
                return decompressed.read(HEAD_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise ImagesError(f"{path}: expected a file that can be read: {error}.") from error
    return head
