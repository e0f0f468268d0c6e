"""Metrics agree with scikit-learn, with scipy, or with counting by hand; intervals hold in simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, norm
from sklearn.metrics import roc_auc_score

from sablier.errors import TooFewImages
from sablier.metrics import auroc, auroc_interval, rate_interval, roc_curve

SCORES = st.lists(st.integers(0, 6), min_size=1, max_size=12)  # few values, so that ties are common


@given(SCORES, SCORES)
def test_auroc_counts_pairs_and_half_of_ties(normal, anomalous):
    pairs = np.subtract.outer(np.array(anomalous), np.array(normal))
    assert auroc(np.array(normal), np.array(anomalous)) == pytest.approx(np.mean((pairs > 0) + 0.5 * (pairs == 0)))


@given(SCORES, SCORES)
def test_intervals_are_ordered_and_hold_the_value(normal, anomalous):
    normal, anomalous = np.array(normal, float), np.array(anomalous, float)
    low, high = auroc_interval(normal, anomalous)
    assert 0 <= low <= auroc(normal, anomalous) + 1e-12
    assert auroc(normal, anomalous) - 1e-12 <= high <= 1


def test_auroc_is_scikit_learns():
    random = np.random.default_rng(0)
    normal, anomalous = random.normal(0, 1, 50), random.normal(1, 2, 80)
    expected = roc_auc_score(np.r_[np.zeros(50), np.ones(80)], np.r_[normal, anomalous])
    assert auroc(normal, anomalous) == pytest.approx(expected)


@pytest.mark.parametrize(("normal", "anomalous"), [([], [1.0]), ([1.0], []), ([], [])])
def test_auroc_needs_both_kinds(normal, anomalous):
    with pytest.raises(TooFewImages, match="at least one of each"):
        auroc(np.array(normal), np.array(anomalous))


@pytest.mark.parametrize(("normals", "anomalies"), [(25, 25), (37, 300), (12, 100), (100, 12)])
@pytest.mark.parametrize("distance", [0.0, 1.0, 2.0])
def test_the_auroc_interval_holds_the_truth(normals, anomalies, distance):
    random = np.random.default_rng(0)
    truth = norm.cdf(distance / 2**0.5)
    hits = 0
    for _ in range(200):
        low, high = auroc_interval(random.normal(0, 1, normals), random.normal(distance, 1, anomalies))
        hits += low <= truth <= high
    assert hits >= 170  # 95 % in the limit; 85 % with as few as 12 images of a kind is still an honest interval


def test_an_auroc_of_one_is_no_certainty():
    low, high = auroc_interval(np.zeros(5), np.ones(5))
    assert (round(low, 3), high) == (0.478, 1.0)
    assert auroc_interval(np.zeros(500), np.ones(500))[0] > 0.99
    assert auroc_interval(np.ones(5), np.zeros(5)) == (0.0, pytest.approx(1 - low))


def test_one_image_of_a_kind_still_has_an_interval():
    low, high = auroc_interval(np.array([0.0, 1.0, 2.0]), np.array([1.5]))
    assert 0 < low < 2 / 3 < high < 1


@pytest.mark.parametrize(("hits", "count"), [(0, 20), (1, 20), (7, 20), (20, 20), (1, 1)])
def test_rate_interval_is_clopper_pearson(hits, count):
    low, high = rate_interval(hits, count)
    assert low == pytest.approx(beta.ppf(0.025, hits, count - hits + 1) if hits else 0.0)
    assert high == pytest.approx(beta.ppf(0.975, hits + 1, count - hits) if hits < count else 1.0)


def test_the_area_under_the_roc_curve_is_the_auroc():
    random = np.random.default_rng(1)
    normal, anomalous = random.normal(0, 1, 40), random.normal(1, 1, 30)
    false_alarms, detections = roc_curve(normal, anomalous)
    assert (false_alarms[0], detections[0], false_alarms[-1], detections[-1]) == (0, 0, 1, 1)
    assert np.all(np.diff(false_alarms) >= 0)
    assert np.all(np.diff(detections) >= 0)
    assert np.trapezoid(detections, false_alarms) == pytest.approx(auroc(normal, anomalous))
