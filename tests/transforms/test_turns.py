"""The symmetries of a square."""

import numpy as np
import pytest

from sablier.images.imageset import ImageSet
from sablier.transforms.turns import TURNS, Turn


def test_the_seven_turns_all_differ_and_none_leaves_the_image_as_it_is():
    images = ImageSet(np.random.default_rng(0).integers(0, 256, (1, 6, 6, 3), dtype=np.uint8))
    found = {turn.of(images).array.tobytes() for turn in TURNS}
    assert len(found) == 7
    assert images.array.tobytes() not in found


def test_what_is_mirrored_is_turned_first():
    images = ImageSet(np.arange(6, dtype=np.uint8).reshape(1, 2, 3, 1))
    assert Turn(2, mirrored=True).of(images)[0][:, :, 0].tolist() == [[3, 4, 5], [0, 1, 2]]
    assert Turn(1).of(images).shape == (3, 2, 1)


@pytest.mark.parametrize("turn", TURNS)
def test_a_turn_done_often_enough_leads_back(turn):
    images = turned = ImageSet(np.random.default_rng(0).integers(0, 256, (2, 4, 4, 1), dtype=np.uint8))
    for _ in range(4):
        turned = turn.of(turned)
    assert np.array_equal(turned.array, images.array)
