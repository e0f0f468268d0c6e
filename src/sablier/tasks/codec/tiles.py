"""Images of any size as tiles of the model's size, and back."""

from math import prod
from typing import NamedTuple

import numpy as np

from sablier.typing import Array

Shape = tuple[int, int, int]


class Grid(NamedTuple):
    """The tiles of an image: their rows and columns, for each of the planes that the model takes at once."""

    planes: int
    rows: int
    columns: int


def grid_of(image: Shape, tile: Shape) -> Grid:
    """Return the grid of an image of height, width and channels; for a grey model, colour is three planes.

    >>> grid_of((30, 28, 3), (28, 28, 1))
    Grid(planes=3, rows=2, columns=1)
    """
    return Grid(3 if image[2] == 3 and tile[2] == 1 else 1, -(-image[0] // tile[0]), -(-image[1] // tile[1]))


def tiles_of(image: Shape, tile: Shape) -> int:
    """Return how many tiles an image takes."""
    return prod(grid_of(image, tile))


def cut(image: Array, tile: Shape) -> Array:
    """Return tiles,H,W,C of an H,W,C image; its outermost pixels fill tiles beyond its border."""
    grid = grid_of(image.shape, tile)
    missing = grid.rows * tile[0] - image.shape[0], grid.columns * tile[1] - image.shape[1]
    # For a colour model, a grey image has three equal channels.
    image = np.repeat(image, 3, axis=2) if image.shape[2] < tile[2] else image
    whole = np.pad(image, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
    parts = whole.reshape(grid.rows, tile[0], grid.columns, tile[1], grid.planes, tile[2])
    return np.ascontiguousarray(parts.transpose(4, 0, 2, 1, 3, 5).reshape(-1, *tile))


def joined(tiles: Array, image: Shape) -> Array:
    """Return the H,W,C image of the tiles from `cut`."""
    tile = tiles.shape[1:]
    grid = grid_of(image, tile)
    parts = tiles.reshape(grid.planes, grid.rows, grid.columns, *tile).transpose(1, 3, 2, 4, 0, 5)
    whole = parts.reshape(grid.rows * tile[0], grid.columns * tile[1], -1)[: image[0], : image[1]]
    # Of a grey image in three channels, the mean, since decoded channels may differ.
    return whole if whole.shape[2] == image[2] else np.round(whole.mean(axis=2, keepdims=True)).astype(np.uint8)


def inside(image: Shape, tile: Shape) -> Array:
    """Return tiles,H,W: which pixels of the tiles from `cut` belong to the image."""
    grid = grid_of(image, tile)
    frame = np.zeros((grid.rows * tile[0], grid.columns * tile[1], 1), bool)
    frame[: image[0], : image[1]] = True
    return np.tile(cut(frame, (*tile[:2], 1))[..., 0], (grid.planes, 1, 1))
