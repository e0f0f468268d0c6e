"""Whether a code still lies among those of images."""

import numpy as np
import pytest

from sablier.errors import ImagesError, TooFewImages
from sablier.tasks.latent.support import FEWEST, LEAVES, NearestCodes


@pytest.fixture(scope="module")
def codes():
    """Two clouds, one number of which is spread a hundred times wider."""
    random = np.random.default_rng(0)
    clouds = random.normal(size=(1000, 4)) + 8 * np.eye(4)[random.integers(0, 2, 1000)]
    return clouds * [1, 1, 1, 100]


def test_p_values_of_the_same_kind_are_uniform(codes):
    near, fresh = NearestCodes.of(codes[:600]), codes[600:]
    p_values = near.p_values(fresh)
    for share in (0.1, 0.5):
        assert np.mean(p_values <= share) == pytest.approx(share, abs=0.06)
    assert np.mean(p_values <= LEAVES) < 0.03


def test_what_lies_outside_or_between_leaves(codes):
    near = NearestCodes.of(codes)
    clouds = np.array([[8, 0, 0, 0], [0, 8, 0, 0], [0, 8, 0, 150]])
    outside = np.array([[20, 0, 0, 0], [4, 4, 0, 0], [8, 0, 9, 0]])
    assert np.all(near.p_values(clouds) > 0.05)
    assert np.all(near.p_values(outside) <= LEAVES)


def test_the_same_codes_say_the_same(codes):
    np.testing.assert_array_equal(NearestCodes.of(codes).p_values(codes), NearestCodes.of(codes).p_values(codes))


def test_what_cannot_tell_is_refused(codes):
    with pytest.raises(TooFewImages, match=f"expected at least {FEWEST} codes to tell what leaves them, got 199"):
        NearestCodes.of(codes[:199])
    with pytest.raises(ImagesError, match="expected codes of shape N,4"):
        NearestCodes.of(codes).p_values(codes[:, :3])


def test_codes_that_are_all_the_same_do_no_harm():
    near = NearestCodes.of(np.ones((400, 3)))
    assert near.p_values(np.ones((1, 3)))[0] > 0.5
