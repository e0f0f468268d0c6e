"""One score from several members: corrected for what there is to draw, standardised, weighted by their say."""

import numpy as np
import pytest

from sablier.tasks.detection.fusion import CORRECTED, Fusion


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_member_of_many_statistics_says_no_more_than_one_of_one(random):
    first, second = random.normal(size=(500, 1)), random.normal(size=(500, 1))
    covariates = random.normal(size=(500, 1))
    fusion = Fusion.fit([np.repeat(first, 5, axis=1) * 100, second], [1.0, 1.0], covariates)
    strange = fusion.score([np.full((1, 5), 300.0), np.zeros((1, 1))], np.zeros((1, 1)))
    other = fusion.score([np.zeros((1, 5)), np.full((1, 1), 3.0)], np.zeros((1, 1)))
    assert strange == pytest.approx(other, rel=0.1)


def test_a_say_of_a_half_counts_half(random):
    statistics, covariates = [random.normal(size=(500, 2)), random.normal(size=(500, 1))], random.normal(size=(500, 1))
    whole, half = (Fusion.fit(statistics, [weight, 1.0], covariates) for weight in (1.0, 0.5))
    assert half.weights == pytest.approx(whole.weights * [0.5, 0.5, 1.0])


def test_a_share_of_what_the_nuisance_explains_is_taken_away(random):
    covariates = random.normal(size=(500, 1))
    statistic = 3 * covariates + 0.1 * random.normal(size=(500, 1)) + 7
    fusion = Fusion.fit([statistic], [1.0], covariates)
    score = fusion.score([statistic], covariates)
    assert np.polyfit(covariates[:, 0], score / fusion.weights[0], 1)[0] == pytest.approx(3 * (1 - CORRECTED), abs=0.02)
    assert score.mean() == pytest.approx(0, abs=1e-6)
    assert score.std() == pytest.approx(1)


def test_beyond_what_normal_images_showed_nothing_is_extrapolated(random):
    covariates = random.uniform(0, 1, size=(500, 1))
    fusion = Fusion.fit([5 * covariates], [1.0], covariates)
    at_the_edge, far = (fusion.score([np.array([[9.0]])], np.array([[value]])) for value in (covariates.max(), 100.0))
    assert at_the_edge == far


def test_few_images_are_not_corrected_and_equal_ones_do_not_divide_by_zero(random):
    covariates = random.normal(size=(20, 1))
    assert np.all(Fusion.fit([covariates * 2], [1.0], covariates).coefficients[1:] == 0)
    assert np.isfinite(Fusion.fit([np.ones((60, 3))], [1.0], np.ones((60, 1))).weights).all()


def test_statistics_count_by_what_they_tell_of_defects(random):
    covariates = random.normal(size=(400, 1))
    good = [random.normal(size=(400, 2)), random.normal(size=(400, 1))]
    bad = [random.normal([3.0, 1.0], size=(400, 2)), random.normal(size=(400, 1)) - 2.0]
    fusion, member_weights = Fusion.fit_by_defects(good, covariates, bad, covariates)
    assert fusion.weights[1] / fusion.weights[0] == pytest.approx(1 / 3, abs=0.1)
    assert fusion.weights[2] == 0
    assert member_weights.tolist() == [1.0, 0.0]
    score = fusion.score(good, covariates)
    assert score.mean() == pytest.approx(0, abs=1e-6)
    assert score.std() == pytest.approx(1)


def test_what_another_statistic_tells_better_does_not_count_again(random):
    covariates, own = random.normal(size=(400, 1)), random.normal(size=(400, 1))
    noisy = own + random.normal(size=(400, 1))
    fusion, _ = Fusion.fit_by_defects([np.c_[own, noisy]], covariates, [np.c_[own, noisy] + [2.0, 1.0]], covariates)
    assert fusion.weights[0] > 0
    assert fusion.weights[1] == 0


def test_where_no_statistic_tells_defects_all_count_alike(random):
    covariates, good = random.normal(size=(60, 1)), random.normal(size=(60, 2))
    fusion, member_weights = Fusion.fit_by_defects([good], covariates, [good - 5.0], covariates)
    assert fusion.weights[0] * good[:, 0].std() == pytest.approx(fusion.weights[1] * good[:, 1].std(), rel=0.05)
    assert member_weights.tolist() == [1.0]
