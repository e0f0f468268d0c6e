"""Rendered parts: good ones vary and are good, defects are seen and masked, the same good ones come with every share."""

import numpy as np
import pytest

from sablier.errors import ImagesError
from sablier.images import read_images
from sablier.images.parts import DEFECTS, SIDE, SMALLEST_DEFECT_PIXELS, VISIBLE, parts


def test_parts_differ_and_are_good():
    images = parts(3)
    assert images.shape == (SIDE, SIDE, 3)
    assert set(images.labels) == {"good"}
    assert not images.masks.any()
    assert np.abs(images.array[0].astype(int) - images.array[1]).mean() > 3


def test_the_good_parts_are_the_same_with_or_without_defects():
    few, many = parts(2, seed=4), parts(5, seed=4, defects=0.4)
    good = np.flatnonzero(many.labels[:2] == "good")
    assert len(many) - (many.labels == "good").sum() == 2
    np.testing.assert_array_equal(few.array[good], many.array[good])


@pytest.fixture(scope="module")
def broken():
    return parts(40, seed=2, defects=1.0)


def test_every_kind_of_defect_occurs_and_is_masked_where_it_is(broken):
    good = parts(40, seed=2)
    assert set(broken.labels) == set(DEFECTS)
    for before, after, mask in zip(good.array.astype(int), broken.array.astype(int), broken.masks, strict=True):
        assert SMALLEST_DEFECT_PIXELS <= mask.sum() < 0.05 * mask.size
        changed = np.abs(after - before).max(axis=2)
        assert changed[mask].min() > VISIBLE - 2  # rounded twice
        assert changed[~mask].max() <= VISIBLE + 2


def test_the_named_set_trains_on_good_parts_and_tests_few_bad_ones():
    assert set(read_images("parts").labels) == {"good"}
    tests = read_images("parts:test")
    assert (tests.labels != "good").sum() == 12
    np.testing.assert_array_equal(tests.masks.any(axis=(1, 2)), tests.labels != "good")


def test_what_cannot_be_rendered_is_said():
    with pytest.raises(ImagesError, match=r"at least 1 part and a share of defects from 0 to 1, got n=0, defects=2"):
        parts(0, defects=2)
