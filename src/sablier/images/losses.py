"""What an image file contains besides the pixels that `decoding` reads."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from sablier.images.decoding import Decoder, opened, raw_mode
from sablier.images.formats.base import readable
from sablier.images.imageset import ImageSet, LazyPixels

PLAIN = ("1", "L", "P", "RGB", "LA", "La", "PA", "RGBA", "RGBa", "I", "F")  # these become grey or RGB and lose only alpha


@dataclass(frozen=True)
class Loss:
    """An image, and what of it is lost."""

    id: str
    what: str


def losses(images: ImageSet) -> list[Loss]:
    """Return what reading loses of each image file of a set that loses anything; arrays lose nothing.

    Files are only opened again, except those with transparency, which are decoded, since a fully opaque alpha is no loss.
    """
    if not isinstance(images.pixels, LazyPixels):
        return []
    found = []
    for id, decoder in zip(images.ids.tolist(), images.pixels.decoders, strict=True):
        if isinstance(decoder, Decoder):
            with readable(id, "an image"), decoder.entry.open() as stream, opened(stream) as image:
                what = _lost(image)
            if what:
                found.append(Loss(id, what))
    return found


def _lost(image: Image.Image) -> str:
    """Return what is lost of an image, in words; "" if nothing is."""
    if getattr(image, "n_frames", 1) > 1:
        return "all frames but the first"
    if raw_mode(image).endswith("16B") and not raw_mode(image).startswith(("I", "L")):
        return "8 of the 16 bits of its colours"
    if image.mode not in PLAIN and not image.mode.startswith("I;16"):
        return f"its colours of kind {image.mode}"
    if image.has_transparency_data and not _is_opaque(image):
        return "its transparency"
    return ""


def _is_opaque(image: Image.Image) -> bool:
    if image.mode.startswith("I"):  # a transparent grey of 16 bits
        return not (np.asarray(image) == image.info.get("transparency")).any()
    return int(np.asarray(image.convert("RGBA"))[..., 3].min()) == 255
