"""Evaluation counts what is missed and what is flagged wrongly, beside the baselines."""

import numpy as np
import pytest

from sablier.errors import TooFewImages
from sablier.images import read_images
from sablier.metrics import auroc, rate_interval
from sablier.tasks.evaluate import EvaluationResult, evaluate_detector


@pytest.fixture(scope="module")
def images():
    tests = read_images("digits:test")
    return tests.where(label="3"), tests.take(tests.labels != "3")


@pytest.fixture(scope="module")
def result(digits_detector, images) -> EvaluationResult:
    return evaluate_detector(digits_detector, *images, 0.1)


def test_rates_are_counted_from_the_verdicts(digits_detector, images, result):
    good, bad = (digits_detector.detect(each, 0.1) for each in images)
    ours = result.rows[0]
    assert (ours.false_alarms.hits, ours.false_alarms.count) == (good.flagged, len(images[0]))
    assert (ours.missed.hits, ours.missed.count) == (len(images[1]) - bad.flagged, len(images[1]))
    assert ours.missed.interval == rate_interval(ours.missed.hits, ours.missed.count)
    assert ours.auroc == auroc(good.scores, bad.scores)
    assert ours.auroc_interval[0] < ours.auroc < ours.auroc_interval[1]


def test_the_baselines_are_judged_alike(digits_detector, images, result):
    assert [row.method for row in result.rows] == ["sablier", "pca", "knn"]
    good, bad = (digits_detector.detect(each, 0.1) for each in images)
    for row in result.rows[1:]:
        assert row.false_alarms.hits == np.sum(good.baseline_p_values[row.method] <= 0.1)
        assert row.missed.hits == np.sum(bad.baseline_p_values[row.method] > 0.1)
        assert row.auroc == auroc(good.baseline_scores[row.method], bad.baseline_scores[row.method])


def test_pictures_show_the_extremes_first(result):
    assert result.false_alarms.scores[0] == pytest.approx(result.good.scores.max(), abs=1e-4)
    assert result.missed.scores[0] == pytest.approx(result.bad.scores.min(), abs=1e-4)
    assert result.found.scores[0] == pytest.approx(result.bad.scores.max(), abs=1e-4)
    assert len(result.found) == 12
    assert result.found.heatmaps is not None


def test_the_table_and_the_json(result):
    document = result.to_json()
    assert document["methods"] == result.to_table()
    assert (document["good"] + document["bad"], document["alpha"]) == (360, 0.1)
    assert document["methods"][0]["miss_rate"] == result.rows[0].missed.value


def test_too_small_an_alpha_is_undetermined(digits_detector, images):
    result = evaluate_detector(digits_detector, *images, 0.001)
    assert result.undetermined
    assert result.rows[0].false_alarms.hits == 0
    assert result.rows[0].missed.value == 1
    assert result.rows[0].auroc > 0.9  # scores need no threshold


@pytest.mark.parametrize("side", [0, 1])
def test_both_kinds_are_needed(digits_detector, images, side):
    sets = list(images)
    sets[side] = sets[side].take([])
    with pytest.raises(TooFewImages, match="at least one of each"):
        evaluate_detector(digits_detector, *sets, 0.1)
