"""Images at their original resolution, as files that a browser shows."""

import numpy as np

from sablier.images.browser_files import browser_file
from sablier.images.imageset import ImageSet
from sablier.images.pixel_rule import PixelRule
from sablier.report.pictures import as_bytes, png


def photo_file(images: ImageSet, index: int, preprocess: PixelRule) -> tuple[bytes, str]:
    """Return the bytes of a picture of an image, and the ending of its file.

    They are those of the image file where a browser shows it as sablier reads it, and otherwise a PNG of its pixels.

    Args:
        images: a set as it was read.
        index: the position of the image.
        preprocess: says which values are black and white where pixels have more than 8 bits.

    Raises:
        ImagesError, OSError: if the image cannot be read any more.
    """
    found = browser_file(images, index)
    if found is not None:
        return found
    pixels = images[index]
    if pixels.dtype != np.uint8:
        return png(as_bytes(preprocess.unit_values(pixels))), ".png"
    return png(pixels if pixels.shape[2] == 3 else pixels[..., 0]), ".png"
