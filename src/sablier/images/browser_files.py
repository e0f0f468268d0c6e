"""Image files that a browser shows as sablier reads them."""

from io import BytesIO

from PIL import Image

from sablier.images.decoding import Decoder, opened, raw_mode
from sablier.images.formats.base import readable
from sablier.images.imageset import ImageSet, LazyPixels

ENDINGS = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "GIF": ".gif", "BMP": ".bmp"}
TURNED_BY_BROWSERS = ("JPEG", "MPO")  # formats whose EXIF orientation every browser applies
OTHERWISE_SHOWN = ("CMYK", "I", "F")  # modes of Pillow: colours of ink, and more than 8 bits
MOVING = ("GIF", "PNG", "WEBP")


def browser_file(images: ImageSet, index: int) -> tuple[bytes, str] | None:
    """Return the bytes of the file of an image and the ending of its format, such as ".jpg".

    Returns None where a browser does not show the file, or not as it is read here: more than 8 bits, several frames, inks, or an
    orientation that only some browsers apply; and for images that come from no image file.

    Args:
        images: a set as it was read.
        index: the position of the image.

    Raises:
        ImagesError, OSError: if the file cannot be read any more.
    """
    decoder = images.pixels.decoders[index] if isinstance(images.pixels, LazyPixels) else None
    if not isinstance(decoder, Decoder):
        return None
    with readable(decoder.entry.id, "an image"), decoder.entry.open() as stream:
        data = stream.read()
        with opened(BytesIO(data)) as image:
            ending = ENDINGS.get(image.format or "") if _shown_alike(image, decoder.orientation) else None
    return None if ending is None else (data, ending)


def _shown_alike(image: Image.Image, orientation: int) -> bool:
    """Return whether a browser shows an opened image as its pixels are decoded."""
    deep = image.mode.startswith(OTHERWISE_SHOWN) or raw_mode(image).endswith("16B")
    moves = image.format in MOVING and getattr(image, "is_animated", False)
    return not deep and not moves and (orientation == 1 or image.format in TURNED_BY_BROWSERS)
