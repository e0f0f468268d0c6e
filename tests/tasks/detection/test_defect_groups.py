"""Flagged images are grouped by what their strongest region looks like."""

import numpy as np
import pytest

from sablier.tasks.detection.defect_appearance import Strongest, appearances
from sablier.tasks.detection.defect_groups import MOST_COMPARED, grouped


def clouds(sizes, spread=0.15, numbers=20, seed=0):
    """Return features around one random direction for each size, and the cloud of each."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(len(sizes), numbers))
    cloud = np.repeat(np.arange(len(sizes)), sizes)
    return centres[cloud] * rng.uniform(1, 5, (len(cloud), 1)) + rng.normal(0, spread, (len(cloud), numbers)), cloud


@pytest.mark.parametrize("sizes", [(5, 12), (9, 4, 30), (3, 8, 5, 20, 14)])
def test_groups_are_found_and_the_largest_is_the_first(sizes):
    features, cloud = clouds(sizes)
    order = np.random.default_rng(1).permutation(len(cloud))
    numbers = np.empty(len(cloud), int)
    numbers[order] = grouped(features[order])
    rank = np.argsort(np.argsort(-np.array(sizes))) + 1
    np.testing.assert_array_equal(numbers, rank[cloud])


def test_defects_that_nothing_tells_apart_are_one_group():
    features = np.random.default_rng(0).normal(size=(40, 200))
    assert grouped(features).max() == 1


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_few_defects_are_one_group(count):
    assert grouped(np.eye(5)[:count]).tolist() == [1] * count


def test_equal_features_and_features_of_zero_are_one_group():
    assert grouped(np.ones((6, 3))).tolist() == [1] * 6
    assert grouped(np.zeros((6, 3))).tolist() == [1] * 6


def test_many_images_join_the_groups_of_those_compared():
    features, cloud = clouds((MOST_COMPARED, 600, 100))
    np.testing.assert_array_equal(grouped(features), cloud + 1)


def region(rows, columns, side=8):
    anomaly_map = np.zeros((side, side))
    anomaly_map[rows, columns] = 3
    return Strongest.of(anomaly_map)


def test_features_are_averaged_over_the_region():
    images = np.random.default_rng(0).random((1, 8, 8, 1), np.float32)
    features = np.stack([np.full((4, 4), 1.0), np.arange(16.0).reshape(4, 4)])[None]
    found = appearances(features, images, [region(slice(2, 4), slice(4, 8))])
    np.testing.assert_allclose(found, [[1, 6.5]])  # places 6 and 7 of the second row


def test_without_features_of_places_the_pixels_tell():
    images = np.zeros((2, 8, 8, 1), np.float32)
    images[:, 2, 2:6] = 1
    found = appearances(None, images, [region(slice(2, 4), slice(2, 6))] * 2)
    assert found.shape == (2, 144)
    np.testing.assert_allclose(found.mean(axis=1), 0, atol=1e-6)
    assert found[0].reshape(12, 12)[0].max() > 0.4 > found[0].reshape(12, 12)[-1].max()


def test_the_strongest_region_is_around_the_highest_place():
    anomaly_map = np.zeros((10, 10))
    anomaly_map[1:3, 1:3], anomaly_map[6:9, 5:7], anomaly_map[8, 6] = 4, 5, 9
    found = Strongest.of(anomaly_map)
    assert (found.rows, found.columns, found.inside.sum()) == (slice(6, 9), slice(5, 7), 6)
