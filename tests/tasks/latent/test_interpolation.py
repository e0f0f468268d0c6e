"""Walks between codes: where they pass, how their pictures change, what they refuse."""

import json
from itertools import pairwise

import numpy as np
import pytest

from sablier.errors import ConfigError, ImagesError
from sablier.tasks.latent.interpolation import Interpolation, codes_between, interpolation
from sablier.tasks.latent.reconstruct import decode, encode


class Far:
    """Surroundings in which only the codes near zero are at home."""

    def p_values(self, codes):
        return np.where(np.linalg.norm(codes, axis=1) < 1, 0.5, 0.001)


@pytest.mark.parametrize("curve", ["linear", "spherical"])
def test_a_walk_begins_and_ends_at_its_images(network, rule, digits, curve):
    ends = digits.take([0, 1])
    found = interpolation(network, rule, ends, 7, curve)
    assert found.images.shape == (7, 8, 8, 1)
    np.testing.assert_allclose(found.codes[[0, -1]], encode(network, rule, ends), atol=1e-6)
    np.testing.assert_allclose(found.images[[0, -1]], decode(network, rule, encode(network, rule, ends)), atol=1e-5)
    np.testing.assert_array_equal(found.ends, rule.to_unit(ends.array))
    assert found.ids == tuple(ends.ids)


def test_steps_are_the_changes_of_the_pixels(network, rule, digits):
    found = interpolation(network, rule, digits.take([0, 1]), 5)
    np.testing.assert_allclose(found.steps, [np.sqrt(np.mean((a - b) ** 2)) for a, b in pairwise(found.images)], rtol=1e-5)
    assert found.unevenness == pytest.approx(found.steps.max() / found.steps.mean())
    assert 1 <= found.unevenness < 1.2  # of PCA; only what is clipped to [0, 1] makes steps differ


def test_a_jump_is_seen():
    images = np.zeros((4, 2, 2, 1))
    images[2:] = 1
    ends = images[[0, 3]]
    steps = np.array([0.0, 1.0, 0.0])
    assert Interpolation(("a", "b"), ends, images, np.zeros((4, 2)), steps, "linear").unevenness == pytest.approx(3)


def test_nothing_changes_between_an_image_and_itself(network, rule, digits):
    for curve in ("linear", "spherical"):
        found = interpolation(network, rule, digits.take([3, 3]), 4, curve)
        assert found.unevenness is None
        assert json.loads(json.dumps(found.to_json()))["unevenness"] is None


def test_what_leaves_the_data_is_told(network, rule, digits):
    found = interpolation(network, rule, digits.take([0, 1]), 5, support=Far())
    lengths = np.linalg.norm(found.codes, axis=1)
    np.testing.assert_array_equal(found.leaves_data, lengths >= 1)
    assert [row["p_value"] for row in found.to_json()["pictures"]] == found.p_values.tolist()
    without = interpolation(network, rule, digits.take([0, 1]), 5)
    assert without.leaves_data is None
    assert without.to_table()[0] == {"share": 0.0, "step": None, "p_value": None}


def test_an_arc_keeps_its_distance_from_the_centre():
    random = np.random.default_rng(0)
    centre, start, end = random.normal(size=(3, 20))
    end = centre + (end - centre) * np.linalg.norm(start - centre) / np.linalg.norm(end - centre)
    codes = codes_between(start, end, 9, "spherical", centre)
    np.testing.assert_allclose(np.linalg.norm(codes - centre, axis=1), np.linalg.norm(start - centre), rtol=1e-5)
    straight = codes_between(start, end, 9, "linear", centre)
    assert np.linalg.norm(straight[4] - centre) < 0.9 * np.linalg.norm(start - centre)
    steps = np.linalg.norm(np.diff(codes, axis=0), axis=1)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-4)


def test_an_arc_along_one_direction_is_the_line():
    start = np.array([1.0, 2.0])
    np.testing.assert_allclose(codes_between(start, 3 * start, 3, "spherical"), [start, 2 * start, 3 * start])
    np.testing.assert_allclose(codes_between(0 * start, start, 3, "spherical"), [0 * start, start / 2, start])


def test_what_cannot_be_walked_is_said(network, rule, digits):
    with pytest.raises(ImagesError, match="lie opposite each other"):
        codes_between(np.ones(3), -np.ones(3), 5, "spherical")
    with pytest.raises(ConfigError, match="expected a curve of linear or spherical, got 'round'"):
        codes_between(np.ones(3), -np.ones(3), 5, "round")
    for count in (1, 0, -4, 1001):
        with pytest.raises(ConfigError, match="expected from 2 to 1,000 pictures"):
            codes_between(np.ones(3), np.zeros(3), count)
    for images in (digits.take([0]), digits.take([0, 1, 2])):
        with pytest.raises(ImagesError, match=f"expected two images to interpolate between, got {len(images)}"):
            interpolation(network, rule, images)
