"""Images as files that keep every value."""

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from sablier.files import write_each, write_whole
from sablier.files.kinds import PNG_COMPRESSION
from sablier.typing import Array
from sablier.workflows.naming import picture_paths


def as_file(image: Array) -> tuple[str, bytes]:
    """Return the suffix and the bytes of a file of an H,W,C image: PNG, or .npy if PNG cannot hold it.

    >>> as_file(np.zeros((2, 2, 1), np.uint8))[0], as_file(np.zeros((2, 2, 1), np.float32))[0]
    ('.png', '.npy')
    """
    grey = image.shape[2] == 1
    fits_png = image.dtype == np.uint8 or (image.dtype == np.uint16 and grey)
    pixels = np.ascontiguousarray(image[..., 0] if grey else image)
    buffer = io.BytesIO()
    if fits_png:
        Image.fromarray(pixels).save(buffer, "PNG", compress_level=PNG_COMPRESSION)
    else:
        np.save(buffer, pixels)
    return ".png" if fits_png else ".npy", buffer.getvalue()


def write_pictures(folder: Path, ids: Iterable[str], images: Iterable[Array]) -> None:
    """Write H,W,C uint8 images as PNG files named after their ids, without name collisions.

    Raises:
        OutputError: if one cannot be written.
    """
    pairs = zip(picture_paths(folder, ids), images, strict=True)
    write_each(lambda pair: write_whole(pair[0], as_file(pair[1])[1]), pairs)
