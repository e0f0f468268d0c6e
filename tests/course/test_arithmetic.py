"""Sums of letters with a known answer: what is drawn, what is added, what is measured."""

import numpy as np
import pytest

from sablier.course.arithmetic import (
    BOLD,
    REGULAR,
    drawn_letters,
    encoded_letters,
    families_with_bold,
    measured_sums,
    sums_to_bold,
)
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model

RULE = Preprocess(height=28, width=28, channels=1)


class Pixels(Model):
    """An "autoencoder" whose code is the image."""

    def encode(self, x):
        return x.flatten(1)

    def decode(self, z):
        return z.view(-1, 1, 28, 28)


@pytest.fixture(scope="module")
def letters():
    return drawn_letters("DejaVu Sans", 3)


@pytest.fixture(scope="module")
def network():
    return Pixels((28, 28, 1))


def test_letters_of_a_pose_share_it(letters):
    ink = letters.astype(float)[..., 0]
    middles = (ink * np.arange(28)).sum(axis=(-2, -1)) / ink.sum(axis=(-2, -1))  # of each letter, across
    shifts = middles - middles.mean(axis=0)
    assert np.abs(shifts.mean(axis=(1, 2))).max() > 3 * shifts.std(axis=(1, 2)).mean()
    assert np.all(ink[:, :, BOLD].mean(axis=(2, 3)) > ink[:, :, REGULAR].mean(axis=(2, 3)))
    assert not np.array_equal(drawn_letters("DejaVu Sans", 1, seed=1)[0], letters[0])
    np.testing.assert_array_equal(drawn_letters("DejaVu Sans", 1)[0], letters[0])


def test_only_families_with_a_bold_face_will_do():
    assert families_with_bold() == ("DejaVu Sans", "DejaVu Mono", "DejaVu Serif", "STIX", "Computer Modern")
    assert drawn_letters("Computer Modern Sans", 2).size == 0


def test_sums_are_of_pairs_of_letters_or_of_means():
    codes = np.random.default_rng(0).normal(size=(2, 10, 2, 3))
    sums, letter = sums_to_bold(codes, averaged=False)
    assert (sums.shape, np.bincount(letter).tolist()) == ((2, 90, 3), [9] * 10)
    np.testing.assert_allclose(sums[1, 0], codes[1, 0, BOLD] - codes[1, 0, REGULAR] + codes[1, letter[0], REGULAR])
    means, letter = sums_to_bold(codes, averaged=True)
    assert (means.shape, letter.tolist()) == ((2, 10, 3), list(range(10)))
    others = [index for index in range(10) if index != 4]
    expected = codes[0, others, BOLD].mean(axis=0) - codes[0, others, REGULAR].mean(axis=0) + codes[0, 4, REGULAR]
    np.testing.assert_allclose(means[0, 4], expected)


def test_arithmetic_on_pixels_is_worse_than_doing_nothing(letters, network):
    """What is bold of A lies where A is: that is why one computes with codes."""
    sums = measured_sums(network, RULE, letters)
    assert sums.error_ratio > 1
    assert sums.redrawn == pytest.approx(0, abs=1e-9)
    assert sums.count == 6 * 90
    unit = letters / 255
    assert sums.nothing == pytest.approx(np.mean((unit[:, :, BOLD] - unit[:, :, REGULAR]) ** 2), rel=1e-4)


def test_a_sum_that_is_right_is_called_right(letters, network):
    """Letters whose bold adds the same to each: the sum is the truth."""
    dim = (letters // 4).astype(np.uint8)
    dim[:, :, BOLD] = dim[:, :, REGULAR] + 40
    for averaged in (False, True):
        sums = measured_sums(network, RULE, dim, averaged)
        assert sums.error == pytest.approx(0, abs=1e-6)
        assert (sums.right, sums.right_by_code) == (1, 1)


def test_a_letter_of_another_weight_is_not_right(letters, network):
    same = letters.copy()
    same[:, :, BOLD] = same[:, :, REGULAR]
    codes = encoded_letters(network, RULE, same)
    assert codes.shape == (6, 10, 2, 784)
    lighter = letters.copy()
    lighter[:, :9] = same[:, :9]  # only J is bold, so nothing makes the others so
    assert measured_sums(network, RULE, lighter).right < 0.2
