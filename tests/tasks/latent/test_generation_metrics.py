"""Figures of generated images: known answers, and what each of them must notice."""

import numpy as np
import pytest

from sablier.errors import TooFewImages
from sablier.tasks.latent.generation_metrics import frechet_distance, memorising, nearest_distances, precision_recall

RANDOM = np.random.default_rng(0)
REAL = RANDOM.normal(size=(1500, 4))
OTHERS = RANDOM.normal(size=(1500, 4))


def test_the_distance_of_gaussians_is_the_known_one():
    mixing = RANDOM.normal(size=(4, 4))
    a, b = REAL @ mixing, OTHERS + np.array([2, 0, 0, 0])
    (mean, covariance), (other, its) = ((each.mean(axis=0), np.cov(each.T)) for each in (a, b))
    eigenvalues = np.linalg.eigvals(covariance @ its).real
    expected = ((mean - other) ** 2).sum() + np.trace(covariance) + np.trace(its) - 2 * np.sqrt(eigenvalues).sum()
    assert frechet_distance(a, b) == pytest.approx(expected)
    assert frechet_distance(b, a) == pytest.approx(expected)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)


def test_the_distance_sees_what_is_missing():
    assert frechet_distance(REAL[REAL[:, 0] > 0], OTHERS) > 20 * frechet_distance(REAL, OTHERS)


def test_features_that_never_change_are_no_harm():
    constant = np.c_[REAL, np.ones(len(REAL))]
    assert frechet_distance(constant, constant[::2]) < 0.1


def test_precision_falls_for_noise_and_recall_for_repetition():
    precision, recall = precision_recall(OTHERS, REAL)
    assert precision > 0.8
    assert recall > 0.8
    assert precision_recall(OTHERS * 5, REAL)[0] < 0.3
    one_place = REAL[:1] + 0.1 * OTHERS
    assert precision_recall(one_place, REAL)[0] > 0.9
    assert precision_recall(one_place, REAL)[1] < 0.2


def test_precision_and_recall_are_those_of_the_definition():
    a, b = REAL[:60], OTHERS[:50] + 0.5
    between = np.linalg.norm(b[:, None] - b, axis=2)
    reach = np.sort(between, axis=1)[:, 3]
    inside = (np.linalg.norm(a[:, None] - b, axis=2) <= reach).any(axis=1)
    assert precision_recall(a, b)[0] == pytest.approx(inside.mean())


def test_the_nearest_is_found_and_a_copy_is_at_zero():
    images = RANDOM.random((40, 5, 6, 1)).astype(np.float32)
    distances, places = nearest_distances(images[[7, 3]], images)
    assert places.tolist() == [7, 3]
    assert np.array_equal(distances, [0, 0])
    distances, places = nearest_distances(images[:10], images[10:])
    apart = np.sqrt(((images[:10, None] - images[None, 10:]) ** 2).mean(axis=(2, 3, 4)))
    assert np.array_equal(places, apart.argmin(axis=1))
    assert np.allclose(distances, apart.min(axis=1), atol=1e-6)


def test_copies_are_found_out():
    training, new, real = (RANDOM.random((count, 6, 6, 1)).astype(np.float32) for count in (300, 200, 200))
    honest, copied = memorising(new, real, training), memorising(training[:200] + 0.001, real, training)
    assert honest.copied < 0.05
    assert honest.generated == pytest.approx(honest.real, rel=0.05)
    assert copied.copied == 1
    assert copied.generated < 0.01


def test_too_few_are_refused():
    with pytest.raises(TooFewImages, match="at least 2 images on both sides, got 1 and 1500"):
        frechet_distance(REAL[:1], REAL)
    with pytest.raises(TooFewImages, match="more than 3 images on both sides, got 3 and 1500"):
        precision_recall(REAL[:3], REAL)
