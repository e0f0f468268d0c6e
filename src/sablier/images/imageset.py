"""`ImageSet`: an immutable sequence of images with columns of metadata. All images in sablier pass through it."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise
from os import cpu_count
from typing import Any

import numpy as np

from sablier.errors import ImagesError, TooFewImages, UnknownName
from sablier.images.pixel_rule import PixelRule
from sablier.typing import Array

Decode = Callable[[tuple[int, int] | None], Array]

COLUMNS = ("ids", "labels", "masks", "sizes", "channels", "depths", "times", "groups", "given_groups")
DIFFERENT_SHAPES = "expected images of one size, got arrays of different shapes. Resize them first, or read a folder."
IN_MEMORY = "an array in memory"  # the source of images that come from no file


@dataclass(frozen=True)
class LazyPixels:
    """Images that are decoded on demand.

    Each decoder returns an H,W,C array. Given (height, width), it may return any size at least as large: a JPEG decodes
    faster then.
    """

    decoders: tuple[Decode, ...]

    def __len__(self) -> int:
        return len(self.decoders)


@dataclass(frozen=True)
class Skipped:
    """An image that could not be read, and the reason."""

    id: str
    reason: str


@dataclass(frozen=True, eq=False)
class ImageSet:
    """An immutable sequence of images with metadata. Every column has one entry per image.

    Args:
        pixels: N,H,W or N,H,W,C uint8, uint16 or float32 with 1 or 3 channels, or `LazyPixels` if sizes differ.
        ids: N unique names; None: the positions.
        labels: N class names, or None.
        attributes: further columns by name.
        masks: N,H,W booleans, true at defects, or None.
        sizes: N,2 original heights and widths; required for lazy pixels.
        channels: N numbers of channels; required for lazy pixels.
        depths: N bits per sample (8, 16 or 32); required for lazy pixels.
        times: N datetime64 of when the images were taken, or None.
        groups: N integers, equal for images that are not independent; None: each image is its own group.
        given_groups: the groups that the user gave, before images that repeat each other were joined, or None.
        skipped: images of the source that could not be read.
        source: where the images come from, for messages.

    Raises:
        ImagesError: if an array or a column has another shape, type or length.

    Examples:
        >>> import numpy as np
        >>> from sablier import ImageSet
        >>> images = ImageSet(np.zeros((4, 28, 28), np.uint8), labels=["a", "b", "a", "b"])
        >>> images.shape, len(images.where(label="a"))
        ((28, 28, 1), 2)
    """

    pixels: Array | LazyPixels
    ids: Array = None  # type: ignore[assignment]  # always an array after __post_init__
    labels: Array | None = None
    attributes: Mapping[str, Array] = field(default_factory=dict)
    masks: Array | None = None
    sizes: Array = None  # type: ignore[assignment]
    channels: Array = None  # type: ignore[assignment]
    depths: Array = None  # type: ignore[assignment]
    times: Array | None = None
    groups: Array | None = None
    given_groups: Array | None = None
    skipped: tuple[Skipped, ...] = ()
    source: str = IN_MEMORY

    def __post_init__(self) -> None:
        if isinstance(self.pixels, LazyPixels):
            if self.sizes is None or self.channels is None or self.depths is None:
                raise ImagesError("lazily decoded images need `sizes`, `channels` and `depths`.")
            pixels: Array | LazyPixels = self.pixels
        else:
            pixels = checked_pixels(self.pixels)
        count = len(pixels)
        columns: dict[str, Array | None] = {
            "ids": np.arange(count).astype(str) if self.ids is None else np.asarray(self.ids).astype(str),
            "labels": None if self.labels is None else np.asarray(self.labels).astype(str),
            "masks": None if self.masks is None else np.asarray(self.masks, bool),
            "times": None if self.times is None else np.asarray(self.times, "datetime64[s]"),
            "groups": None if self.groups is None else np.asarray(self.groups, np.int64),
            "given_groups": None if self.given_groups is None else np.asarray(self.given_groups, np.int64),
        }
        if not isinstance(pixels, LazyPixels):
            height, width, channels = pixels.shape[1:]
            if self.sizes is None:
                columns["sizes"] = np.broadcast_to(np.array([height, width]), (count, 2))
            columns["channels"] = np.broadcast_to(np.array(channels), count)
            columns["depths"] = np.broadcast_to(np.array(8 * pixels.dtype.itemsize), count)
        for name in ("sizes", "channels", "depths"):
            if name not in columns:
                columns[name] = np.asarray(getattr(self, name))
        attributes = {name: np.asarray(column) for name, column in self.attributes.items()}
        for name, column in {**columns, **attributes}.items():
            if column is not None and len(column) != count:
                raise ImagesError(f"expected {count} {name}, one per image, got {len(column)}.")
        for name, value in {"pixels": pixels, "attributes": attributes, **columns}.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.pixels)

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.shape)) if self.uniform else "mixed sizes"
        labels = "" if self.labels is None else f", {len(np.unique(self.labels))} labels"
        return f"ImageSet({len(self)} images, {shape}{labels}, from {self.source})"

    def __getitem__(self, index: int) -> Array:
        """Return one image as an H,W,C array."""
        if isinstance(self.pixels, LazyPixels):
            return self.pixels.decoders[index](None)
        image: Array = self.pixels[index]
        return image

    def __iter__(self) -> Iterator[Array]:
        return (self[index] for index in range(len(self)))

    @property
    def uniform(self) -> bool:
        """Whether the pixels are one dense array."""
        return not isinstance(self.pixels, LazyPixels)

    @property
    def array(self) -> Array:
        """The dense N,H,W,C pixels.

        Raises:
            ImagesError: if images are decoded on demand; `dense(preprocess)` makes them uniform.
        """
        if isinstance(self.pixels, LazyPixels):
            raise ImagesError("these images are decoded on demand and may differ in size; call dense(preprocess) first.")
        return self.pixels

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of every image of a uniform set."""
        height, width, channels = self.array.shape[1:]
        return int(height), int(width), int(channels)

    def take(self, indices: Sequence[int] | Array) -> "ImageSet":
        """Return the images at N positions, in that order, or where a boolean mask is true."""
        chosen = np.asarray(indices)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)

        def pick(column: Array | None) -> Any:
            return None if column is None else column[chosen]

        pixels = self.pixels
        return replace(
            self,
            pixels=LazyPixels(tuple(pixels.decoders[i] for i in chosen)) if isinstance(pixels, LazyPixels) else pick(pixels),
            attributes={name: pick(column) for name, column in self.attributes.items()},
            **{name: pick(getattr(self, name)) for name in COLUMNS},
        )

    def where(self, **conditions: Any) -> "ImageSet":
        """Return the images whose label or attributes equal a value, or one of a list of values.

        Raises:
            UnknownName: if the set has no such attribute.

        Examples:
            >>> digits = ImageSet(np.zeros((3, 8, 8), np.uint8), labels=[5, 3, 5])
            >>> len(digits.where(label=5)), len(digits.where(label=[3, 5]))
            (2, 3)
        """
        keep = np.ones(len(self), bool)
        for name, wanted in conditions.items():
            keep &= self.matches(name, wanted)
        return self.take(keep)

    def matches(self, column: str, wanted: Any) -> Array:
        """Return N booleans: whether the label or an attribute equals a value, or one of several.

        Raises:
            UnknownName: if the set has no such attribute.
        """
        columns = dict(self.attributes)
        if self.labels is not None:
            columns["label"] = self.labels
        if column not in columns:
            raise UnknownName("attribute", column, columns)
        return np.isin(columns[column].astype(str), np.atleast_1d(np.asarray(wanted)).astype(str))

    def split(self, *fractions: float, seed: int = 0) -> tuple["ImageSet", ...]:
        """Split at random into disjoint parts, one per fraction. The fractions must sum to 1.

        Raises:
            TooFewImages: if a part would be empty.
        """
        if not fractions or min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-9:
            raise ImagesError(f"expected positive fractions that add up to 1, got {fractions}.")
        order = np.random.default_rng(seed).permutation(len(self))
        edges = np.round(np.cumsum((0.0, *fractions)) * len(self)).astype(int)
        if np.any(np.diff(edges) < 1):
            raise TooFewImages(f"{len(self)} images cannot be split into parts of {fractions}: one would be empty.")
        return tuple(self.take(np.sort(order[a:b])) for a, b in pairwise(edges))

    def chunks(self, size: int) -> Iterator["ImageSet"]:
        """Yield the set in order, `size` images at a time; `skipped` goes with the first part."""
        for start in range(0, len(self), size):
            part = self.take(np.arange(start, min(start + size, len(self))))
            yield part if start == 0 else replace(part, skipped=())

    def dense(self, preprocess: PixelRule) -> "ImageSet":
        """Return a uniform set with the size, channels and type that `preprocess` states, decoded in parallel.

        Images that cannot be read are left out and added to `skipped`.

        Raises:
            ImagesError: if `preprocess` does not accept an image.
        """
        if self.uniform and preprocess.is_identity_for(self.array):
            return self
        decoders = _decoders(self)
        target = (preprocess.height, preprocess.width)

        def prepared(index: int) -> "Array | Skipped":
            try:
                image: Array = decoders[index](None if preprocess.resize == "exact" else target)
            except (OSError, ImagesError) as error:
                return Skipped(str(self.ids[index]), str(error).removeprefix(f"{self.ids[index]}: "))
            return preprocess.apply(image, name=str(self.ids[index]))

        with ThreadPoolExecutor(min(8, cpu_count() or 1)) as pool:
            results = list(pool.map(prepared, range(len(self))))
        good = [index for index, result in enumerate(results) if not isinstance(result, Skipped)]
        images = [result for result in results if not isinstance(result, Skipped)]
        kept = self.take(np.array(good, np.int64))
        pixels = np.stack(images) if images else np.empty((0, *target, preprocess.channels), preprocess.dtype)
        return replace(
            kept, pixels=pixels, skipped=self.skipped + tuple(result for result in results if isinstance(result, Skipped))
        )

    def fingerprint(self) -> str:
        """Return the SHA-256 of shape, type and pixels of a uniform set, in hexadecimal."""
        digest = hashlib.sha256(f"{self.array.shape}{self.array.dtype}".encode())
        for start in range(0, len(self), 4096):
            digest.update(self.array[start : start + 4096].tobytes())
        return digest.hexdigest()

    @staticmethod
    def concatenate(parts: Sequence["ImageSet"]) -> "ImageSet":
        """Join sets. The result is uniform if all sets are and have one shape. A column is kept if every set has it.

        Raises:
            ImagesError: if there is nothing to join.
        """
        if not parts:
            raise ImagesError("expected at least one set of images to join, got none.")
        if len(parts) == 1:
            return parts[0]

        def joined(columns: list[Array | None]) -> Any:
            present = [column for column in columns if column is not None]
            return np.concatenate(present) if len(present) == len(columns) else None

        dense = all(part.uniform for part in parts) and len({(part.shape, part.array.dtype) for part in parts}) == 1
        pixels: Array | LazyPixels
        if dense:
            pixels = np.concatenate([part.array for part in parts])
        else:
            pixels = LazyPixels(tuple(decoder for part in parts for decoder in _decoders(part)))
        names = set.intersection(*(set(part.attributes) for part in parts))
        return ImageSet(
            pixels,
            attributes={name: joined([part.attributes[name] for part in parts]) for name in sorted(names)},
            skipped=tuple(skipped for part in parts for skipped in part.skipped),
            source=parts[0].source,
            **{name: joined([getattr(part, name) for part in parts]) for name in COLUMNS if dense or name != "masks"},
        )


def _decoders(images: ImageSet) -> tuple[Decode, ...]:
    if isinstance(images.pixels, LazyPixels):
        return images.pixels.decoders
    array = images.array
    return tuple((lambda _size, i=i: array[i]) for i in range(len(array)))


def as_array(pixels: Any) -> Array:
    """Return anything that NumPy takes for an array; raise ImagesError for a list of arrays of different shapes."""
    try:
        return pixels if isinstance(pixels, np.ndarray) else np.asarray(pixels)
    except ValueError as error:
        if "inhomogeneous" in str(error):
            raise ImagesError(DIFFERENT_SHAPES) from error
        raise


def checked_pixels(pixels: Any) -> Array:
    """Return `pixels` as an N,H,W,C array of uint8, uint16 or float32.

    Raises:
        ImagesError: if the number of dimensions or channels, the type, or a value is not allowed.
    """
    array = as_array(pixels)
    if array.dtype == object:
        raise ImagesError(DIFFERENT_SHAPES)
    if array.ndim == 3:
        array = array.reshape(*array.shape, 1)  # not [..., None]: its stride of 0 makes torch compute differently
    if array.ndim != 4 or min(array.shape[1:]) < 1:
        raise ImagesError(f"expected images of shape N,H,W or N,H,W,C, got {array.shape}.")
    if array.shape[3] not in (1, 3):
        hint = " (RGBA)" if array.shape[3] == 4 else ""
        order = " They look like N,C,H,W: transpose them to N,H,W,C." if array.shape[1] in (1, 3) else ""
        raise ImagesError(f"expected 1 or 3 channels, got {array.shape[3]}{hint}.{order or ' Convert them first.'}")
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype in (np.uint8, np.uint16):
        return array
    if array.dtype.kind not in "iuf":  # NumPy counts durations as integers, so its own type hierarchy is of no use
        raise ImagesError(f"expected pixels as numbers, got {array.dtype}.")
    if np.issubdtype(array.dtype, np.integer) and array.size:
        low, high = int(array.min()), int(array.max())
        if low < 0 or high > 65535:
            raise ImagesError(f"expected whole-number pixels from 0 to 255 or to 65535, got {low} to {high}.")
        return array.astype(np.uint8 if high <= 255 else np.uint16)
    with np.errstate(over="ignore"):  # what does not fit becomes infinite and is refused below
        array = array.astype(np.float32, copy=False)
    if not np.isfinite(array).all():
        raise ImagesError("expected finite pixels, got NaN or infinity.")
    return array
