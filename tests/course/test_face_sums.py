"""Sums of faces with a known answer."""

import numpy as np
import pytest

from sablier.course.face_sums import (
    drawn_faces,
    error_ratio_of_pixels,
    measured_glasses,
    sums_to_glasses,
    without_held_out,
)
from sablier.images.faces import COMBINATIONS, faces
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model

RULE = Preprocess(height=48, width=48, channels=1)


class Pixels(Model):
    """An "autoencoder" whose code is the image."""

    def encode(self, x):
        return x.flatten(1)

    def decode(self, z):
        return z.view(-1, 1, 48, 48)


def places(shape, glasses):
    return [number for number, each in enumerate(COMBINATIONS) if each.shape == shape and each.glasses == glasses]


def test_faces_of_a_pose_share_it():
    drawn = drawn_faces(2).astype(int)
    bare, wearing = drawn[0, places("round", False)], drawn[0, places("round", True)]
    changed = np.abs(wearing - bare) > 25
    assert changed.sum(axis=(1, 2, 3)).min() > 30
    assert changed[:, 35:].sum() == 0  # glasses change nothing below the eyes
    assert not np.array_equal(drawn[0, 0], drawn[1, 0])


def test_sums_take_the_glasses_of_other_poses():
    codes = np.random.default_rng(0).normal(size=(3, 16, 2))
    sums, start, truth = sums_to_glasses(codes, "angular", averaged=False)
    assert sums.shape == (3, 16, 2)
    assert {COMBINATIONS[place].label for place in truth} == {COMBINATIONS[place].label for place in places("angular", True)}
    assert all(COMBINATIONS[a].hair == COMBINATIONS[b].hair for a, b in zip(start, truth, strict=True))
    first, second = places("round", True)[0], places("round", False)[0]
    np.testing.assert_allclose(sums[1, 0], codes[0, first] - codes[0, second] + codes[1, start[0]])
    means, start, _ = sums_to_glasses(codes, "angular", averaged=True)
    others = codes[1:, places("round", True)] - codes[1:, places("round", False)]
    np.testing.assert_allclose(means[0, 2], codes[0, start[2]] + others.mean(axis=(0, 1)))


def test_a_code_that_is_the_image_gives_the_sum_of_pixels():
    pixels = drawn_faces(4)
    sums = measured_glasses(Pixels((48, 48, 1)), RULE, pixels, "round", averaged=True)
    assert sums.count == 16
    assert sums.redrawn == pytest.approx(0, abs=1e-9)
    assert error_ratio_of_pixels(RULE, pixels, "round", averaged=True) == pytest.approx(sums.error_ratio, rel=0.05)


def test_glasses_that_are_always_in_one_place_are_added_rightly():
    pixels = np.repeat(drawn_faces(1), 3, axis=0)
    sums = measured_glasses(Pixels((48, 48, 1)), RULE, pixels, "angular", averaged=True)
    assert sums.error_ratio < 0.1
    assert (sums.right, sums.right_by_code) == (1, 1)


def test_the_shape_that_is_held_out_never_wears_glasses():
    kept = without_held_out(faces(200), "angular")
    assert set(kept.where(shape="angular").attributes["glasses"]) == {False}
    assert set(kept.where(shape="round").attributes["glasses"]) == {False, True}
