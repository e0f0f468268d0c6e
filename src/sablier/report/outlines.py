"""Outlines of masks as paths of SVG, in pixels of the image."""

from collections.abc import Iterable

import numpy as np
from contourpy import contour_generator

from sablier.typing import Array

FINEST = 512  # cells of the longer side that an outline follows; more would only weigh
MOST_POINTS = 2000  # of all outlines of a mask: those of many small specks would fill the page


def outline(mask: Array) -> str:
    """Return the outlines of H,W booleans as the `d` of an SVG path; "" where none is true.

    A pixel in row i and column j covers the square from (j, i) to (j + 1, i + 1); outlines cut its corners. Of masks of more than
    512 pixels a side they follow cells of several pixels, those in which any pixel is true. Of many, the longest are returned.

    >>> outline(np.array([[False, True, True], [False, True, True]]))
    'M1,0.5 1.5,0 2.5,0 3,0.5 3,1.5 2.5,2 1.5,2 1,1.5Z'
    """
    height, width = mask.shape
    step = -(-max(height, width) // FINEST)
    cells = np.pad(_coarse(mask, step), 1)
    # The centre of the first cell, after one of padding, is half a cell from the corner of the image.
    rows, columns = ((np.arange(count) - 0.5) * step for count in cells.shape)
    rings = contour_generator(columns, rows, cells.astype(np.float32)).lines(0.5)
    corners = [_corners(ring.clip(0, (width, height))[:-1]) for ring in map(np.asarray, rings)]
    return "".join(map(_path, _longest(corners)))


def _coarse(mask: Array, step: int) -> Array:
    """Return which squares of `step` pixels a side have a true one."""
    if step == 1:
        return mask
    height, width = mask.shape
    padded = np.pad(mask, ((0, -height % step), (0, -width % step)))
    return np.asarray(padded.reshape(padded.shape[0] // step, step, -1, step).any(axis=(1, 3)))


def _corners(ring: Array) -> Array:
    """Return the points of a closed N,2 line at which it turns."""
    ring = ring[(ring != np.roll(ring, 1, axis=0)).any(axis=1)]
    before, after = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
    turns = before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]
    return np.asarray(ring[turns])


def _longest(rings: Iterable[Array]) -> list[Array]:
    """Return the rings with the most points, as many as may be drawn."""
    ordered = sorted(rings, key=len, reverse=True)
    return [ring for ring, total in zip(ordered, np.cumsum([len(ring) for ring in ordered]), strict=True) if total <= MOST_POINTS]


def _path(ring: Array) -> str:
    return f"M{' '.join(f'{x:g},{y:g}' for x, y in ring.tolist())}Z"
