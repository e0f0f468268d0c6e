"""Image files to pixels, by one rule for folders, single files and archives.

- Formats: JPEG, PNG, WebP, BMP, TIFF and GIF, the first of several frames. The bytes of a file decide its format.
- EXIF orientation is applied; sizes are those after it.
- Grey, 1-bit (as 0 and 255) and grey with alpha become one channel. Everything else becomes RGB: palettes, even grey ones,
  CMYK and YCbCr by Pillow's conversion.
- Alpha and transparent colours are composited over white. A fully opaque alpha is dropped.
- 16-bit grey stays uint16, also with alpha or a transparent grey, and so do 32-bit integers that fit. 32-bit floats must be
  in [0, 1] and stay float32. 16-bit colour becomes 8-bit, since Pillow reads no more.
- An image with more pixels than Pillow's `Image.MAX_IMAGE_PIXELS` (about 89 million) is refused as a decompression bomb.

Any fault of an image file is an ImagesError that names it.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from os import cpu_count
from typing import Any, BinaryIO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from sablier.errors import ImagesError
from sablier.images.chatter import chatter_caught
from sablier.images.formats.base import Options, readable
from sablier.images.imageset import ImageSet, LazyPixels, Skipped
from sablier.typing import Array

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif")
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF")
KINDS = "JPEG, PNG, WebP, BMP, TIFF or GIF images"

# A JPEG is decoded at twice the requested size or more, so that the last reduction has the same filter as for a PNG.
REDUCING_GAP = 2
TURNED = (5, 6, 7, 8)
DEEP_GREY_AND_ALPHA = "LA;16B"  # Pillow's name for 16-bit grey with alpha


@dataclass(frozen=True)
class Entry:
    """An image file: its id, the folder it is in (its label), its date, and how to open its bytes, or to start reading them."""

    id: str
    label: str | None
    modified: float | None
    open: Callable[[], BinaryIO]
    ahead: Callable[[], None] | None = None


@dataclass(frozen=True)
class Header:
    """What is known of an image before it is decoded; height and width are after EXIF orientation."""

    height: int
    width: int
    channels: int
    depth: int
    orientation: int
    time: datetime | None


@dataclass(frozen=True)
class Decoder:
    """Decodes one image file when called; it can be pickled if its entry can."""

    entry: Entry
    orientation: int

    def __call__(self, size: tuple[int, int] | None = None) -> Array:
        """Return H,W,C pixels; given (height, width), of any size at least as large."""
        with readable(self.entry.id, "an image"), self.entry.open() as stream, opened(stream) as image:
            if size is not None and image.format in ("JPEG", "MPO"):
                height, width = size[::-1] if self.orientation in TURNED else size
                image.draft(None, (width * REDUCING_GAP, height * REDUCING_GAP))
            with chatter_caught(image, self.entry.id):
                pixels = _pixels(image)
            return _oriented(pixels, self.orientation)


def read_header(entry: Entry) -> Header:
    """Return size, channels, depth, orientation and time of an image without decoding it.

    Raises:
        ImagesError: if it is no image, or too large.
    """
    with readable(entry.id, "an image"), entry.open() as stream, opened(stream) as image:
        orientation, time = _exif(image)
        # Pillow applies the orientation of a TIFF itself, and states the size after it.
        orientation = 1 if image.format == "TIFF" else orientation
        width, height = image.size[::-1] if orientation in TURNED else image.size
        channels, depth = _channels_and_depth(image)
    if time is None and entry.modified is not None:
        with readable(entry.id, "a date"):
            time = datetime.fromtimestamp(entry.modified)
    return Header(height, width, channels, depth, orientation, time)


def image_chunks(
    entries: Iterable[Entry], chunk: int | None, options: Options, source: str, otherwise: Callable[[], str]
) -> Iterator[ImageSet]:
    """Yield image files as sets decoded on demand, `chunk` files at a time, without those that cannot be read.

    Args:
        entries: the files, in order.
        chunk: how many; None: all.
        options: with `strict`, everything is decoded now, and the first that fails is an error. With a `portion`, no other file
            is opened, and there is a set for each chunk, perhaps an empty one.
        source: for messages.
        otherwise: returns what was found instead, if there is no image.

    Raises:
        ImagesError: if no image is readable, or with `strict` if one is not; with a `portion` if there is no file.
    """
    portion, any_found = options.portion, False
    skipped: list[Skipped] = []
    for number, batch in enumerate(_batches(entries, chunk)):
        good: list[tuple[Entry, Header]] = []
        chosen = [entry for entry in batch if portion is None or portion.keeps(number, entry.id)]
        for entry in chosen:
            if entry.ahead is not None:
                entry.ahead()
        for entry in chosen:
            header = _header_or_reason(entry, source, options.strict)
            if isinstance(header, Skipped):
                skipped.append(header)
            else:
                good.append((entry, header))
        any_found = any_found or bool(good) or portion is not None
        if any_found:
            yield _lazy_set(good, skipped, options.strict, source)
            skipped = []
    if not any_found:
        first = f" The first of {len(skipped)} unreadable: {skipped[0].id}: {skipped[0].reason}" if skipped else ""
        raise ImagesError(f"{source}: expected {KINDS}, found none that can be read. {otherwise()}{first}".rstrip())


def _batches(entries: Iterable[Entry], size: int | None) -> Iterator[list[Entry]]:
    remaining = iter(entries)
    while batch := list(islice(remaining, size)):
        yield batch


def _header_or_reason(entry: Entry, source: str, strict: bool) -> Header | Skipped:
    try:
        # A faulty header is reported once, in `skipped`; Pillow's own warning would repeat it.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"PIL\.")
            return read_header(entry)
    except ImagesError as error:
        if strict:
            raise ImagesError(f"{error} (in {source}, strict)") from error
        return Skipped(entry.id, str(error).removeprefix(f"{entry.id}: "))


def _lazy_set(good: list[tuple[Entry, Header]], skipped: list[Skipped], strict: bool, source: str) -> ImageSet:
    decoders = tuple(Decoder(entry, header.orientation) for entry, header in good)
    if strict:
        with ThreadPoolExecutor(min(8, cpu_count() or 1)) as pool:
            for _ in pool.map(lambda decoder: decoder().shape, decoders):
                pass  # asking for each result raises what its decoder raised
    labels = [entry.label for entry, _ in good]
    times = [header.time for _, header in good]
    return ImageSet(
        LazyPixels(decoders),
        ids=np.array([entry.id for entry, _ in good], str),
        labels=None if all(label is None for label in labels) else np.array([label or "" for label in labels]),
        sizes=np.array([(header.height, header.width) for _, header in good]).reshape(-1, 2),
        channels=np.array([header.channels for _, header in good]),
        depths=np.array([header.depth for _, header in good]),
        times=None if None in times else np.array(times, "datetime64[s]"),
        skipped=tuple(skipped),
        source=source,
    )


def images_from_pillow(images: Sequence[Image.Image]) -> ImageSet:
    """Return Pillow images as a set, their positions as ids, by the rule above.

    Raises:
        ImagesError: if one cannot be decoded.
    """
    pixels = []
    for place, image in enumerate(images):
        with readable(f"image {place}", "a Pillow image"):
            orientation = 1 if image.format == "TIFF" else _exif(image)[0]
            pixels.append(_oriented(_pixels(image), orientation))
    return ImageSet(
        LazyPixels(tuple(partial(_as_it_is, each) for each in pixels)),
        sizes=np.array([each.shape[:2] for each in pixels]).reshape(-1, 2),
        channels=np.array([each.shape[2] for each in pixels]),
        depths=np.array([8 * each.dtype.itemsize for each in pixels]),
        source=f"{len(pixels)} Pillow images",
    )


def _as_it_is(pixels: Array, size: tuple[int, int] | None) -> Array:
    return pixels


def opened(stream: BinaryIO) -> Image.Image:
    """Open an image without decoding it; refuse one that would not fit in memory. The caller names the file."""
    limit = Image.MAX_IMAGE_PIXELS
    try:
        image = Image.open(stream, formats=FORMATS)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise ValueError(f"expected at most {limit} pixels, the limit against decompression bombs: {error}") from error
    except UnidentifiedImageError as error:
        # Pillow's message names an object in memory; the caller names the file.
        raise ValueError(f"its bytes are no {KINDS.removesuffix(' images')} image") from error
    if limit is not None and image.width * image.height > limit:
        size = f"{image.width} x {image.height} pixels"
        image.close()
        raise ValueError(f"expected at most {limit} pixels, the limit against decompression bombs, got {size}")
    return image


def _channels_and_depth(image: Image.Image) -> tuple[int, int]:
    mode = image.mode
    if raw_mode(image) == DEEP_GREY_AND_ALPHA:
        return 1, 16
    if mode in ("1", "L", "LA", "La"):
        return 1, 8
    if mode == "I" or mode.startswith("I;16"):
        return 1, 16
    return (1, 32) if mode == "F" else (3, 8)


def _pixels(image: Image.Image) -> Array:
    """Return H,W,C pixels by the colour rule above."""
    if image.mode == "F":
        image.load()
        floats = np.asarray(image, np.float32)
        if not (np.isfinite(floats).all() and floats.min() >= 0 and floats.max() <= 1):
            raise ValueError(f"expected floats from 0 to 1, got {floats.min():g} to {floats.max():g}. Rescale them")
        return floats[..., None]
    if image.mode == "I" or image.mode.startswith("I;16"):
        image.load()
        whole = np.asarray(image)
        if whole.min() < 0 or whole.max() > 65535:
            raise ValueError(f"expected whole numbers from 0 to 65535, got {whole.min()} to {whole.max()}. Rescale them")
        transparent = image.info.get("transparency")
        if isinstance(transparent, int):
            whole = np.where(whole == transparent, 65535, whole)
        return whole.astype(np.uint16)[..., None]
    if raw_mode(image) == DEEP_GREY_AND_ALPHA:
        return _over_white(_deep_grey_and_alpha(image))
    channels, _ = _channels_and_depth(image)
    _scale_transparent_colour(image)
    if image.has_transparency_data:
        return _over_white(np.asarray(image.convert("LA" if channels == 1 else "RGBA")))
    converted = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return converted.reshape(*converted.shape[:2], channels)


def _over_white(pixels: Array) -> Array:
    """Return H,W,C integer colours, given H,W,C+1 with their alpha."""
    white = 255 if pixels.dtype == np.uint8 else 65535
    colour, alpha = pixels[..., :-1], pixels[..., -1:]
    if alpha.min() == white:
        return np.ascontiguousarray(colour)
    part = alpha.astype(np.float32) / 255 if white == 255 else alpha.astype(np.float64) / white
    return np.asarray(np.round(colour * part + white * (1 - part)).astype(pixels.dtype))


def raw_mode(image: Image.Image) -> str:
    """Return the sample layout of a PNG, with Pillow's name; "" for other formats, and after decoding."""
    tiles: list[Any] = getattr(image, "tile", [])
    return str(tiles[0][3]) if image.format == "PNG" and tiles else ""


def _deep_grey_and_alpha(image: Image.Image) -> Array:
    """Return H,W,2 uint16. Pillow would reduce them to 8 bits; as four 8-bit samples they are complete."""
    tiles: list[Any] = getattr(image, "tile", [])
    vars(image)["tile"] = [(codec, extents, offset, "RGBA") for codec, extents, offset, _ in tiles]
    halves = np.asarray(image).astype(np.uint16)
    return (halves[..., 0::2] << 8) | halves[..., 1::2]


def _scale_transparent_colour(image: Image.Image) -> None:
    """Give the transparent colour of a PNG of other than 8 bits in 8 bits, which Pillow does for the pixels only."""
    transparent, (mode, _, bits) = image.info.get("transparency"), raw_mode(image).partition(";")
    if mode == "L" and bits in ("2", "4") and isinstance(transparent, int):
        image.info["transparency"] = transparent * 255 // ((1 << int(bits)) - 1)
    elif mode == "RGB" and bits == "16B" and isinstance(transparent, tuple):
        image.info["transparency"] = tuple(value >> 8 for value in transparent)


def _oriented(pixels: Array, orientation: int) -> Array:
    """Rotate and flip by EXIF orientations 2 to 8."""
    if orientation in TURNED:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _exif(image: Image.Image) -> tuple[int, datetime | None]:
    """Return orientation (1 to 8) and the time the picture was taken; damaged EXIF counts as none."""
    # To find EXIF after the pixels, Pillow would decode a whole PNG.
    if image.format == "PNG" and not {"exif", "Raw profile type exif", "xmp"} & image.info.keys():
        return 1, None
    try:
        exif = image.getexif()
        details: dict[int, Any] = exif.get_ifd(ExifTags.IFD.Exif)
        orientation = exif.get(ExifTags.Base.Orientation, 1)
        stamps = [details.get(ExifTags.Base.DateTimeOriginal), exif.get(ExifTags.Base.DateTime)]
    except Exception:  # damaged EXIF raises many types; the pixels are still good
        return 1, None
    time = next((found for found in map(_exif_time, stamps) if found is not None), None)
    return (orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1), time


def _exif_time(stamp: object) -> datetime | None:
    try:
        return datetime.strptime(str(stamp).strip("\0 "), "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
