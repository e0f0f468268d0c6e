"""A montage: small pictures of the regions of several images, side by side."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from sablier.report.pictures import as_rgb, png
from sablier.typing import Array

SIDE = 96  # pixels a side of a picture
MOST, COLUMNS, GAP = 24, 8, 4
SURROUNDINGS, LEAST = 1.6, 24  # sides of a region, and pixels, that a picture shows at least
MOST_SHOWN = 0.4  # of the shorter side of the image: the place of the peak must not get lost


def square_crop(image: Array, centre: tuple[int, int], extent: int) -> Array:
    """Return a place of an H,W,C image in [0, 1] with its surroundings, as a square of bytes, 96,96,3.

    Args:
        centre: row and column.
        extent: pixels a side of what is shown, without surroundings.

    >>> square_crop(np.zeros((40, 60, 1)), (2, 55), extent=10).shape
    (96, 96, 3)
    """
    height, width = image.shape[:2]
    side = min(round(SURROUNDINGS * extent), round(MOST_SHOWN * min(height, width)))
    side = min(max(side, LEAST), height, width)
    top, left = (min(max(0, place - side // 2), length - side) for place, length in zip(centre, (height, width), strict=True))
    cut = as_rgb(image[top : top + side, left : left + side])
    how = Image.Resampling.NEAREST if side <= SIDE // 2 else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(cut).resize((SIDE, SIDE), how))


def montage(pictures: Sequence[Array]) -> bytes:
    """Return an even sample of at most 24 squares of 96,96,3 bytes, with transparent gaps, as a PNG.

    >>> from io import BytesIO
    >>> Image.open(BytesIO(montage([np.zeros((96, 96, 3), np.uint8)] * 9))).size
    (796, 196)
    """
    shown = [pictures[index] for index in np.linspace(0, len(pictures) - 1, min(MOST, len(pictures))).astype(int)]
    columns, rows = min(COLUMNS, len(shown)), -(-len(shown) // COLUMNS)
    step = SIDE + GAP
    canvas = np.zeros((rows * step - GAP, columns * step - GAP, 4), np.uint8)
    for number, picture in enumerate(shown):
        top, left = step * (number // COLUMNS), step * (number % COLUMNS)
        canvas[top : top + SIDE, left : left + SIDE] = np.dstack([picture, np.full((SIDE, SIDE), 255, np.uint8)])
    return png(canvas)
