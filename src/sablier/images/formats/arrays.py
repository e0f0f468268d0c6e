"""Arrays: in memory, .npy and .npz.

Pixels are N,H,W, N,H,W,C or flat rows N,D. Two dimensions in a .npy file may also be one grey image. Without a shape or
labels, they are taken for one if a row is no square image, or if neighbouring rows are clearly more alike than values in a
row that are one image side apart. In an .npz the images are the one array with a usual name (images, X, x, x_train, data,
arr_0...), or the only one of more than two dimensions; `file.npz:name` chooses another. Labels are the array with the
matching name (labels, y, y_train, target, arr_1...). Nothing is ever unpickled.
"""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from sablier.errors import ImagesError, nearest
from sablier.images.formats import Format, Options, add_format
from sablier.images.formats.base import LARGEST_DEFLATE_RATIO, check_room, numbered, readable, rows
from sablier.images.imageset import DIFFERENT_SHAPES, IN_MEMORY, ImageSet, as_array
from sablier.images.labels import given_labels
from sablier.typing import Array

ROWS_COMPARED = 2000  # of an array of two dimensions
CLEARLY = 0.9  # the smaller difference must be less than this times the larger
IMAGE_KEYS = ("images", "X", "x", "data", "pixels", "x_train", "X_train", "train_images", "arr_0")
LABEL_KEYS = {"images": "labels", "image": "label", "X": "y", "x": "y", "data": "target", "pixels": "labels", "arr_0": "arr_1"}


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]


def images_from_array(array: object, options: Options) -> ImageSet:
    """Return an array in memory as images.

    Raises:
        ImagesError: if it is no array of images.
    """
    with readable("array", "images of one size as an array"):
        pixels = as_array(array)
        if pixels.dtype != object and (pixels.ndim < 2 or min(pixels.shape) < 1):
            raise ImagesError(f"expected an array of shape N,H,W, N,H,W,C or N,D with at least one image, got {pixels.shape}.")
        labels = given_labels(options.labels)
        return next(numbered(iter([pixels]), labels, IN_MEMORY, options.shape, count=len(pixels)))


def stream_npy(path: Path, options: Options, chunk: int | None) -> Iterator[ImageSet]:
    """Yield the images of a .npy file, memory-mapped if possible."""
    with readable(path, "a .npy array"):
        with open(path, "rb") as stream:
            header = _read_header(stream)
            check_room(header.shape, header.dtype, path.stat().st_size - stream.tell(), path)
        labels = given_labels(options.labels)
        if labels is None and options.shape is None and len(header.shape) == 2:
            alone = np.load(path, mmap_mode="r", allow_pickle=False)
            if is_one_image(alone):
                yield from numbered(iter([alone[None]]), None, str(path), None, count=1)
                return
        if chunk is None or header.fortran:
            mapped = np.load(path, mmap_mode="r", allow_pickle=False)
            blocks = _sliced(mapped, chunk)
        else:
            blocks = _typed(path, None, header, chunk)
        yield from numbered(blocks, labels, str(path), options.shape, count=header.shape[0])


def stream_npz(path: Path, options: Options, chunk: int | None, key: str | None = None) -> Iterator[ImageSet]:
    """Yield the images of a .npz file: of the array named `key`, or of the only possible one.

    Raises:
        ImagesError: if several arrays are possible; it names them all.
    """
    with readable(path, "a .npz file"):
        headers = _npz_headers(path)
        key = _image_key(path, headers, key)
        header = headers[key]
        labels = given_labels(options.labels)
        if labels is None:
            labels = _labels_for(path, headers, key)
        blocks = _sliced(_whole(path, key), chunk) if header.fortran else _typed(path, key, header, chunk)
        yield from numbered(blocks, labels, str(path), options.shape, count=header.shape[0])


def is_one_image(array: Array) -> bool:
    """Return whether an array of two dimensions is one grey image and not rows of flat images."""
    count, values = array.shape
    side = next((side for each in (1, 3) if (side := isqrt(values // each)) ** 2 * each == values), 0)
    if side < 2 or count < 2:
        return bool(values > 1 and count > 1)
    if array.dtype.kind not in "biuf":
        return False
    rows = np.asarray(array[:ROWS_COMPARED], np.float64)
    below = float(np.abs(np.diff(rows, axis=0)).mean())
    within = float(np.abs(rows[:, side:] - rows[:, :-side]).mean())
    return bool(below < CLEARLY * within or (count == values and not within < CLEARLY * below))


add_format(
    Format(
        "npy",
        lambda name: name.endswith(".npy"),
        lambda head: head.startswith(b"\x93NUMPY"),
        stream_npy,
        frozenset({"labels", "shape"}),
    )
)
NPZ = add_format(
    Format("npz", lambda name: name.endswith(".npz"), lambda head: False, stream_npz, frozenset({"labels", "shape"}))
)


def _read_header(stream: BinaryIO) -> _Header:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    elif version in ((2, 0), (3, 0)):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    else:
        raise ValueError(f"expected .npy version 1, 2 or 3, got {version}.")
    if dtype.kind not in "biufUS":
        if dtype.kind == "O":
            raise ImagesError(f"{DIFFERENT_SHAPES} Python objects, which such arrays are saved as, are never unpickled.")
        raise ValueError(f"expected an array of numbers, got {dtype}. Save it as uint8.")
    return _Header(shape, fortran, dtype)


@contextmanager
def _at_values(path: Path, key: str | None) -> Iterator[BinaryIO]:
    """Open a .npy file, or a member of a .npz, at its first value."""
    if key is None:
        with open(path, "rb") as stream:
            _read_header(stream)
            yield stream
    else:
        with zipfile.ZipFile(path) as archive, archive.open(f"{key}.npy") as member:
            _read_header(cast(BinaryIO, member))
            yield cast(BinaryIO, member)


def _blocks(path: Path, key: str | None, header: _Header, chunk: int | None) -> Iterator[Array]:
    with _at_values(path, key) as stream:
        yield from rows(stream, header.dtype, header.shape, chunk, path)


def _typed(path: Path, key: str | None, header: _Header, chunk: int | None) -> Iterator[Array]:
    """Yield blocks whose type does not depend on the block: for wide integers, the maximum is found first."""
    if chunk is None or header.dtype.kind not in "iu" or header.dtype in (np.dtype(np.uint8), np.dtype(np.uint16)):
        yield from _blocks(path, key, header, chunk)
        return
    low = high = 0
    for block in _blocks(path, key, header, chunk):
        low, high = min(low, int(block.min())), max(high, int(block.max()))
    if low < 0 or high > 65535:
        raise ImagesError(f"{path}: expected whole-number pixels from 0 to 255 or to 65535, got {low} to {high}.")
    for block in _blocks(path, key, header, chunk):
        yield block.astype(np.uint8 if high <= 255 else np.uint16)


def _sliced(array: Array, chunk: int | None) -> Iterator[Array]:
    step = len(array) if chunk is None else chunk
    return (array[start : start + step] for start in range(0, len(array), step))


def _npz_headers(path: Path) -> dict[str, _Header]:
    """Return name -> header of every array that could be images or labels; sizes are checked against the archive."""
    headers, refused = {}, {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.filename.endswith(".npy"):
                continue
            with archive.open(member) as stream:
                try:
                    header = _read_header(cast(BinaryIO, stream))
                except ValueError as error:
                    refused[member.filename.removesuffix(".npy")] = error
                    continue  # an array of objects is ignored, since nothing is unpickled
            if header.shape and min(header.shape) > 0:
                room = min(member.file_size, member.compress_size * LARGEST_DEFLATE_RATIO)
                check_room(header.shape, header.dtype, room, f"{path}, {member.filename}")
                headers[member.filename.removesuffix(".npy")] = header
    objects = [error for error in refused.values() if isinstance(error, ImagesError)]
    if objects and not any(len(header.shape) > 1 for header in headers.values()):
        raise objects[0]
    return headers


def _image_key(path: Path, headers: dict[str, _Header], key: str | None) -> str:
    described = ", ".join(f"{name} {header.shape}" for name, header in headers.items()) or "none"
    if key is not None:
        if key not in headers:
            raise ImagesError(f"{path}: no array {key!r}.{nearest(key, headers)} It holds: {described}.")
        return key
    candidates = [name for name, header in headers.items() if len(header.shape) > 2 and header.dtype.kind in "biuf"]
    if len(candidates) != 1:
        named = [name for name in IMAGE_KEYS if name in headers and len(headers[name].shape) > 1]
        candidates = named or candidates
    if len(candidates) != 1 or any(_is_test_of(other, candidates[0]) for other in headers):
        first = next(iter(headers), "images")
        raise ImagesError(
            f"{path}: expected one array of images, or one named like {', '.join(IMAGE_KEYS[:3])}; it holds: {described}. "
            f"Say which, for example {path.name}:{candidates[0] if candidates else first}."
        )
    return candidates[0]


def _is_test_of(other: str, key: str) -> bool:
    return "train" in key and other == key.replace("train", "test")


def _labels_for(path: Path, headers: dict[str, _Header], key: str) -> Array | None:
    """Return the labels with the matching name: y_test for x_test, labels for images."""
    count = headers[key].shape[0]
    names = [key.replace(part, partner) for part, partner in LABEL_KEYS.items() if part in key] + ["labels", "y"]
    for name in names:
        if name in headers and name != key and headers[name].shape in ((count,), (count, 1)):
            return given_labels(_whole(path, name))
    return None


def _whole(path: Path, key: str) -> Array:
    with np.load(path, allow_pickle=False) as arrays:
        return cast(Array, arrays[key])
