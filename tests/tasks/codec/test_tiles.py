"""Images of any size on tiles of one."""

import numpy as np
import pytest

from sablier.tasks.codec.tiles import cut, inside, joined, tiles_of

SHAPES = [(28, 28, 1), (1, 1, 1), (29, 56, 1), (100, 3, 1), (28, 28, 3), (31, 57, 3)]


@pytest.mark.parametrize("tile", [(28, 28, 1), (8, 12, 3), (1, 1, 1)])
@pytest.mark.parametrize("shape", SHAPES)
def test_cut_and_joined(shape, tile):
    image = np.random.default_rng(0).integers(0, 256, size=shape, dtype=np.uint8)
    tiles = cut(image, tile)
    assert tiles.shape == (tiles_of(shape, tile), *tile)
    back = joined(tiles, shape)
    assert back.dtype == np.uint8
    assert (back == image).all()


@pytest.mark.parametrize("tile", [(28, 28, 1), (8, 12, 3)])
@pytest.mark.parametrize("shape", SHAPES)
def test_inside_is_where_the_image_is(shape, tile):
    within = inside(shape, tile)
    planes = 3 if shape[2] == 3 and tile[2] == 1 else 1
    assert within.shape == (tiles_of(shape, tile), *tile[:2])
    assert within.sum() == shape[0] * shape[1] * planes
    tiles = cut(np.full(shape, 7, np.uint8), tile)
    tiles[~within] = 0
    assert (joined(tiles, shape) == 7).all()


def test_what_lies_outside_repeats_the_edge():
    tiles = cut(np.arange(6, dtype=np.uint8).reshape(2, 3, 1), (4, 4, 1))
    assert tiles[0, :, :, 0].tolist() == [[0, 1, 2, 2], [3, 4, 5, 5], [3, 4, 5, 5], [3, 4, 5, 5]]
