"""What every format shares: options, its description, and the conversion of rows to images.

A format is one function, `stream(path, options, chunk)`: it yields the images in order, `chunk` at a time, or all of them at
once if `chunk` is None. Reading and streaming are the same code.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import isqrt, prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike

from sablier.errors import ImagesError, SablierError
from sablier.images.imageset import ImageSet
from sablier.typing import Array

READ_BYTES = 1 << 20
LARGEST_DEFLATE_RATIO = 1032  # the most bytes for one byte of deflate; a header that states more is false


@dataclass(frozen=True)
class Portion:
    """Some chunks of a source, and some images of these. No other image file is opened.

    Args:
        chunks: their numbers, from 0.
        wanted: whether the image of an id is read; None: all are.
    """

    chunks: range
    wanted: Callable[[str], bool] | None = None

    def keeps(self, chunk: int, id: str) -> bool:
        """Return whether an image in the chunk of this number is read."""
        return chunk in self.chunks and (self.wanted is None or self.wanted(id))


@dataclass(frozen=True)
class Options:
    """Options for reading a source; see `sablier.images.sources.read_images`. `portion` is what image files are read of."""

    label_column: str | int | None = None
    labels: str | Path | Sequence[Any] | Array | None = None
    shape: tuple[int, ...] | None = None
    strict: bool = False
    portion: Portion | None = None


@dataclass(frozen=True)
class Format:
    """One kind of source.

    Attributes:
        name: for messages.
        named: whether a lower-case file name is of this kind.
        looks_like: whether the first bytes of a file (decompressed) are of this kind.
        stream: reads it.
        takes: the options that apply to it.
    """

    name: str
    named: Callable[[str], bool]
    looks_like: Callable[[bytes], bool]
    stream: Callable[[Path, Options, int | None], Iterator[ImageSet]]
    takes: frozenset[str]


@contextmanager
def readable(where: object, expected: str) -> Iterator[None]:
    """Convert whatever a parser raises on invalid bytes to an ImagesError.

    Pillow, NumPy, zipfile and tarfile raise many unrelated types on damaged files, so all exceptions are caught.
    """
    try:
        yield
    except SablierError:
        raise
    except MemoryError as error:
        raise ImagesError(f"{where}: expected {expected} that fits in memory, and it does not. Stream it instead.") from error
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise ImagesError(f"{where}: expected {expected}, but it cannot be read: {reason}. Replace or remove it.") from error


def rows(stream: BinaryIO, dtype: np.dtype[Any], shape: tuple[int, ...], chunk: int | None, where: object) -> Iterator[Array]:
    """Yield `chunk` rows at a time (all if None) of a C-ordered array from a stream of bytes.

    Raises:
        ImagesError: if the stream ends early or continues after the last row.
    """
    count = shape[0]
    step = count if chunk is None else chunk
    for start in range(0, count, step):
        block = np.empty((min(step, count - start), *shape[1:]), dtype)
        view = block.reshape(-1).view(np.uint8).data
        filled = 0
        while filled < len(view):
            came = stream.readinto(view[filled : filled + READ_BYTES])  # type: ignore[attr-defined]
            if not came:
                whole = start + filled // max(len(view) // len(block), 1)
                raise ImagesError(f"{where}: expected {count} images, but the file ends in image {whole + 1}. It is truncated.")
            filled += came
        yield block
    if stream.read(1):
        raise ImagesError(f"{where}: expected {count} images as its header says, but the file goes on after them.")


def check_room(shape: tuple[int, ...], dtype: DTypeLike, available: int, where: object) -> None:
    """Refuse a header that states no image, or more than the file can contain, before memory is allocated.

    Raises:
        ImagesError: in either case.
    """
    if not shape or min(shape) < 1:
        raise ImagesError(f"{where}: expected at least one image, got an array of shape {shape}.")
    needed = prod(shape) * np.dtype(dtype).itemsize
    if needed > available:
        raise ImagesError(
            f"{where}: its header states shape {shape}, {needed} bytes, but at most {available} can be there. "
            "It is truncated or damaged."
        )


def as_images(block: Array, shape: tuple[int, ...] | None, where: object) -> Array:
    """Return rows of pixels as N,H,W,C images, with this `shape`, or square and grey (or colour) if they are flat.

    Raises:
        ImagesError: if the pixels of a row do not make such an image.
    """
    pixels = prod(block.shape[1:])
    if shape is not None:
        height, width, channels = checked_shape(shape)
        if height * width * channels != pixels:
            raise ImagesError(f"{where}: expected {height} x {width} x {channels} values an image, got {pixels}.")
        return block.reshape(len(block), height, width, channels)
    if block.ndim != 2:
        return block
    if isqrt(pixels) ** 2 == pixels:
        return block.reshape(len(block), isqrt(pixels), isqrt(pixels), 1)
    if pixels % 3 == 0 and isqrt(pixels // 3) ** 2 == pixels // 3:
        return block.reshape(len(block), isqrt(pixels // 3), isqrt(pixels // 3), 3)
    raise ImagesError(
        f"{where}: expected square images, got {pixels} values a row. Pass shape=(height, width) or "
        "(height, width, channels); if one column is the label, pass label_column (0 for the first, -1 for the last)."
    )


def checked_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    """Return (height, width, channels) of a shape that may lack the channels.

    Raises:
        ImagesError: for anything but two or three positive integers.
    """
    try:
        numbers = tuple(int(number) for number in shape)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) not in (2, 3) or min(numbers) < 1:
        raise ImagesError(f"expected shape=(height, width) or (height, width, channels), got {shape!r}.")
    return numbers[0], numbers[1], numbers[2] if len(numbers) == 3 else 1


def numbered(
    blocks: Iterator[Array],
    labels: Array | None,
    source: str,
    shape: tuple[int, ...] | None = None,
    count: int | None = None,
) -> Iterator[ImageSet]:
    """Yield blocks of pixels as sets with positions in the whole source as ids, and with their labels.

    Raises:
        ImagesError: if the number of labels differs from that of images; before the first block if `count` is known.
    """
    if labels is not None and count is not None and len(labels) != count:
        raise ImagesError(f"expected {count} labels for {source}, one per image, got {len(labels)}.")
    start = 0
    for block in blocks:
        stop = start + len(block)
        if labels is not None and stop > len(labels):
            raise ImagesError(f"expected a label for each image of {source}, got {len(labels)} labels and more images.")
        yield ImageSet(
            as_images(block, shape, source),
            ids=np.arange(start, stop).astype(str),
            labels=None if labels is None else labels[start:stop],
            source=source,
        )
        start = stop
    if labels is not None and start != len(labels):
        raise ImagesError(f"expected {start} labels for {source}, one per image, got {len(labels)}.")
