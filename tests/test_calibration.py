"""Conformal p-values: valid in finite samples, consistent with thresholds, honest where there are too few images."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sablier.calibration import (
    ANOMALY,
    NORMAL,
    UNDETERMINED,
    Calibration,
    discovery_cut,
    images_needed,
    simultaneous_band,
)
from sablier.errors import ConfigError, ImagesError, TooFewImages

SCORE = st.integers(-4, 4).map(float)
SCORES = st.lists(SCORE, min_size=1, max_size=40)  # few values, so that ties are common
ALPHAS = st.floats(1e-4, 0.9999) | st.fractions(Fraction(1, 60), Fraction(59, 60), max_denominator=60).map(float)


def split(scores) -> Calibration:
    return Calibration((np.array(scores, float),))


def p_values(calibration: Calibration, scores) -> np.ndarray:
    return calibration.p_values(np.array(scores, float)[:, None])


def test_p_values_by_hand():
    calibration = split([3.0, 1.0, 2.0, 2.0])
    assert p_values(calibration, [0.0, 1.0, 1.5, 2.0, 3.0, 9.0]).tolist() == [1.0, 1.0, 0.8, 0.8, 0.4, 0.2]


@given(SCORES, SCORES, ALPHAS)
def test_above_the_threshold_is_exactly_where_the_p_value_flags(normal, new, alpha):
    calibration = split(normal)
    flagged = p_values(calibration, new) <= alpha
    assert np.array_equal(np.array(new) > calibration.threshold(alpha), flagged)
    if calibration.decides(alpha):
        assert np.array_equal(calibration.verdicts(p_values(calibration, new), alpha) == ANOMALY, flagged)
    else:
        assert not flagged.any()


@given(SCORES, st.integers(1, 40))
def test_an_alpha_a_rounding_away_from_a_p_value_keeps_them_consistent(normal, rank):
    calibration = split(normal)
    alpha = min(rank, len(normal)) / (len(normal) + 1)
    for near in (np.nextafter(alpha, 0), alpha, np.nextafter(alpha, 1)):
        new = np.array(normal)
        assert np.array_equal(new > calibration.threshold(near), p_values(calibration, new) <= near)
        assert calibration.decides(near) == np.isfinite(calibration.threshold(near))


@given(SCORES, SCORES)
def test_a_worse_score_never_has_a_larger_p_value(normal, new):
    values = p_values(split(normal), sorted(new))
    assert np.all(np.diff(values) <= 0)
    assert np.all((values >= 1 / (len(normal) + 1)) & (values <= 1))


@given(SCORES, SCORES, ALPHAS)
def test_a_larger_alpha_never_flags_fewer(normal, new, alpha):
    calibration = split(normal)
    values = p_values(calibration, new)
    few, many = (np.sum(calibration.verdicts(values, rate) == ANOMALY) for rate in (alpha / 2, alpha))
    assert few <= many


@given(SCORES)
def test_the_order_of_the_calibration_scores_means_nothing(normal):
    assert np.array_equal(p_values(split(normal), normal), p_values(split(normal[::-1]), normal))


@pytest.mark.parametrize(("count", "alpha"), [(19, 0.05), (99, 0.01), (99, 0.05), (120, 0.1)])
def test_the_false_alarm_count_is_beta_binomial(count, alpha):
    # Exact finite-sample validity: over calibrations, the number flagged of m new normal images is beta-binomial.
    random = np.random.default_rng(0)
    tests, splits = 200, 400
    flagged = np.array([
        np.sum(p_values(split(random.normal(size=count)), random.normal(size=tests)) <= alpha) for _ in range(splits)
    ])  # fmt: skip
    low, high = simultaneous_band(alpha, count, tests, splits, level=0.9999)
    assert low <= flagged.min()
    assert flagged.max() <= high
    rank = int(alpha * (count + 1) + 1e-9)
    expected = stats.betabinom(tests, rank, count + 1 - rank)
    assert abs(flagged.mean() - expected.mean()) < 4.5 * expected.std() / splits**0.5


def test_a_score_that_peeks_at_the_calibration_images_breaks_the_band():
    # The same check must fail where the promise is broken: scores shrunk on the calibration images, as by training on them.
    random = np.random.default_rng(0)
    flagged = [np.sum(p_values(split(0.5 * random.normal(size=99)), random.normal(size=200)) <= 0.05) for _ in range(50)]
    assert max(flagged) > simultaneous_band(0.05, 99, 200, 50)[1]


def test_the_band_holds_what_a_calibration_gives():
    random = np.random.default_rng(1)
    calibrations = [split(random.normal(size=99)) for _ in range(500)]
    realised = np.array([1 - stats.norm.cdf(calibration.threshold(0.05)) for calibration in calibrations])
    low, high = calibrations[0].band(0.05)
    assert 0.85 < np.mean((low <= realised) & (realised <= high)) < 0.95


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.2])
def test_cross_conformal_folds_are_valid(alpha):
    # A model that shifts its scores by what it was fitted on: each fold's scores lie elsewhere, as those of real nets do.
    random = np.random.default_rng(2)
    folds, per_fold, rounds, rates = 5, 8, 300, []
    for _ in range(rounds):
        images = random.normal(size=(folds, per_fold))
        total = images.sum()
        centres = np.array([(total - fold.sum()) / (images.size - per_fold) for fold in images])
        calibration = Calibration(tuple(np.abs(fold - centre) for fold, centre in zip(images, centres, strict=True)))
        new = np.abs(random.normal(size=(50, 1)) - centres)
        rates.append(np.mean(calibration.p_values(new) <= alpha))
    assert np.mean(rates) <= 1.25 * alpha  # about alpha in practice
    assert np.mean(rates) <= 2 * alpha  # the guarantee


def test_folds_of_one_model_are_one_split():
    scores = np.random.default_rng(3).normal(size=40)
    folds = Calibration(tuple(np.array_split(scores, 4)))
    new = np.linspace(-3, 3, 30)
    assert np.array_equal(folds.p_values(np.repeat(new[:, None], 4, axis=1)), p_values(split(scores), new))
    assert folds.crossed
    assert folds.count == 40


def test_too_few_images_are_undetermined_and_say_how_many_it_takes():
    calibration = split(np.arange(18))
    assert not calibration.decides(0.05)
    values = p_values(calibration, [100.0, -1.0])
    assert values.tolist() == [1 / 19, 1.0]  # p-values are still given
    assert calibration.verdicts(values, 0.05).tolist() == [UNDETERMINED, UNDETERMINED]
    assert calibration.threshold(0.05) == float("inf")
    assert calibration.band(0.05) == (0.0, 0.0)
    promise = calibration.promise(0.05)
    assert "No verdict" in promise
    assert "18 images calibrate, it would take 19" in promise
    assert split(np.arange(19)).verdicts(np.array([0.05, 1.0]), 0.05).tolist() == [ANOMALY, NORMAL]


@given(ALPHAS)
def test_so_many_images_are_needed_and_no_fewer(alpha):
    needed = images_needed(alpha)
    assert split(np.zeros(needed)).decides(alpha)
    assert needed == 1 or not split(np.zeros(needed - 1)).decides(alpha)


@pytest.mark.parametrize("alpha", [0, 1, -0.1, 1.5, float("nan"), float("inf")])
def test_alpha_lies_between_0_and_1(alpha):
    calibration = split(np.arange(50))
    for ask in (calibration.decides, calibration.threshold, calibration.band, calibration.promise, images_needed):
        with pytest.raises(ConfigError, match=r"between 0 and 1, such as 0\.05, got"):
            ask(alpha)


def test_the_promise_says_what_was_calibrated_and_how():
    assert "99 calibration images" in split(np.arange(99)).promise(0.05)
    crossed = Calibration((np.arange(20.0), np.arange(20.0))).promise(0.05)
    assert "2 folds, 40 images" in crossed
    assert "proved is at most 14.8% on average" in crossed  # 2 alpha + 2 (F - 1) / (m + F)


@pytest.mark.parametrize("folds", [(), (np.empty(0), np.empty(0)), (np.arange(3.0), np.empty(0))])
def test_no_scores_are_no_calibration(folds):
    with pytest.raises(TooFewImages, match="at least one calibration score"):
        Calibration(folds)


def test_where_no_image_calibrates_there_are_p_values_of_1_and_no_verdict():
    nothing = Calibration((np.empty(0),))
    p_values = nothing.p_values(np.array([[-1e9], [1e9]]))
    assert p_values.tolist() == [1.0, 1.0]
    assert (nothing.count, nothing.groups, nothing.crossed, nothing.size) == (0, 0, False, "no image")
    assert not nothing.decides(0.99)
    assert nothing.verdicts(p_values, 0.5).tolist() == ["undetermined"] * 2
    assert nothing.threshold(0.5) == np.inf
    assert nothing.margins(np.zeros((2, 1)), 0.5).tolist() == [np.inf] * 2
    assert nothing.level_counts(p_values).tolist() == [2]
    assert nothing.promise(0.05).startswith(
        "No verdict: no image calibrates this model. At a false-alarm rate of 5% it would take 19"
    )
    assert "At a false-discovery rate of 10% it would take 9 good" in nothing.discovery_promise(0.1, 100)
    assert nothing.tensors() == {}
    assert Calibration.from_tensors({}, 0, found=False).count == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_are_finite(bad):
    with pytest.raises(ImagesError, match="finite"):
        split([0.0, bad])


def test_scores_have_a_column_per_fold():
    with pytest.raises(ImagesError, match=r"expected scores of shape N,1, got \(3,\)"):
        split([0.0]).p_values(np.zeros(3))


def test_a_band_of_too_few_images_holds_no_false_alarm():
    assert simultaneous_band(0.01, 50, 100, 20) == (0, 0)


# false-discovery rate


@given(st.lists(st.integers(1, 30), min_size=1, max_size=60), st.sampled_from([0.05, 0.1, 0.2, 0.5, 0.9]))
def test_counting_levels_flags_what_scipy_flags(levels, fdr):
    values = np.array(levels) / 30
    calibration = split(np.arange(29))
    cut = discovery_cut(calibration.level_counts(values), fdr)
    assert np.array_equal(values <= cut, stats.false_discovery_control(values) <= fdr)


def test_counts_of_chunks_add_up():
    calibration = split(np.arange(9))
    values = np.array([0.1, 0.3, 0.1, 1.0])
    chunks = [calibration.level_counts(chunk) for chunk in (values[:1], values[1:], values[:0])]
    assert np.array_equal(sum(chunks), calibration.level_counts(values))
    assert calibration.level_counts(values).tolist() == [2, 0, 1, 0, 0, 0, 0, 0, 0, 1]


def test_good_images_among_the_flagged_are_no_more_than_promised():
    random = np.random.default_rng(0)
    shares = []
    for _ in range(300):
        calibration = split(random.normal(size=999))
        values = p_values(calibration, np.r_[random.normal(size=180), random.normal(size=20) + 4])
        flagged = values <= discovery_cut(calibration.level_counts(values), 0.2)
        shares.append(flagged[:180].sum() / max(flagged.sum(), 1))
    assert 0.1 < np.mean(shares) < 0.2  # 0.2 times the share of good images is what theory gives


@given(st.integers(1, 400), st.sampled_from([0.01, 0.1, 0.25]))
def test_a_lone_anomaly_takes_as_many_calibration_images_as_said(images, fdr):
    needed = images_needed(fdr / images)

    def flags(count: int, anomalies: int) -> bool:
        counts = np.zeros(count + 1, int)
        counts[0], counts[-1] = anomalies, images - anomalies
        return discovery_cut(counts, fdr) == 1 / (count + 1)

    assert flags(needed, 1)
    assert needed == 1 or not flags(needed - 1, 1)
    few = split(np.zeros(max(needed // 3, images_needed(fdr))))
    promise = few.discovery_promise(fdr, images)
    if "fewer than" in promise:
        fewest = int(promise.split("fewer than ")[1].split(" anomalies")[0].replace(",", ""))
        assert f"it would take {needed:,} calibration images" in promise
        assert flags(few.count, fewest)
        assert not flags(few.count, fewest - 1)
    else:
        assert flags(few.count, 1)


def test_the_promise_of_discoveries_in_words():
    enough = split(np.zeros(2000)).discovery_promise(0.1, 100)
    assert enough.startswith("Of the images flagged, at most 10% are good ones, on average over batches and calibrations")
    assert "fewer than" not in enough
    none = split(np.zeros(5)).discovery_promise(0.1, 100)
    assert "No verdict at a false-discovery rate of 10%: 5 images calibrate, it would take 9, and 999 to flag a lone" in none
    folds = Calibration((np.zeros(50), np.zeros(50))).discovery_promise(0.1, 10)
    assert "no proof covers this" in folds


@pytest.mark.parametrize("fdr", [0, 1, -0.1, 1.5, float("nan")])
def test_a_false_discovery_rate_lies_between_0_and_1(fdr):
    with pytest.raises(ConfigError, match=r"false-discovery rate fdr between 0 and 1, such as 0\.1, got"):
        discovery_cut(np.ones(5, int), fdr)


# groups


def grouped(random, groups, size, within=0.2):
    """Return the scores of so many groups of images that are nearly alike, and the sizes."""
    scores = np.repeat(random.normal(size=groups), size) + within * random.normal(size=groups * size)
    return scores, np.full(groups * size, size)


def test_the_p_value_of_groups_is_the_sum_of_their_shares():
    calibration = Calibration((np.array([1.0, 2, 3, 4, 5]),), (np.array([2, 2, 1, 2, 2]),))
    assert calibration.groups == 3
    assert calibration.count == 5
    # 3.5 is reached by both images of one group; 4.5 by one of the two; 2.5 by a group of one as well.
    assert p_values(calibration, [5.5, 4.5, 3.5, 2.5, 0]).tolist() == [1 / 4, 1.5 / 4, 2 / 4, 3 / 4, 1]


@given(st.lists(st.tuples(SCORE, st.integers(1, 4)), min_size=1, max_size=15), SCORES, ALPHAS, st.booleans())
def test_margins_thresholds_and_p_values_of_groups_agree(groups, new, alpha, found):
    sizes = np.concatenate([[size] * size for _, size in groups])
    scores = np.concatenate([[score + 0.5 * k for k in range(size)] for score, size in groups])
    calibration = Calibration((scores,), (sizes,), None, found)
    flagged = p_values(calibration, new) <= alpha
    columns = np.asarray(new, float)[:, None]
    assert np.array_equal(calibration.margins(columns, alpha) < 0, flagged)
    assert np.array_equal(np.asarray(new) > calibration.threshold(alpha), flagged)
    assert calibration.decides(alpha) or not flagged.any()
    crossed = Calibration((scores, scores), (sizes, sizes), None, found)
    twice = np.repeat(columns, 2, axis=1)
    assert np.array_equal(crossed.margins(twice, alpha) < 0, crossed.p_values(twice) <= alpha)


@pytest.mark.parametrize("within", [0.0, 0.2, 3.0])
@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_the_false_alarm_rate_of_groups_is_no_more_than_promised(alpha, within):
    random, rates = np.random.default_rng(0), []
    for _ in range(400):
        scores, sizes = grouped(random, 39, 5, within)
        new = random.normal(size=(200, 1)) + within * random.normal(size=(200, 1))
        rates.append(np.mean(Calibration((scores,), (sizes,)).p_values(new) <= alpha))
    assert np.mean(rates) < alpha + 3 * np.std(rates) / 20
    assert np.mean(rates) > alpha - (1 - alpha) / 39 - 0.02


def test_without_groups_repeats_would_break_it():
    # The same check must fail where each image counts as if it stood for itself and one group gives many.
    random, rates = np.random.default_rng(0), []
    for _ in range(200):
        scores, _ = grouped(random, 20, 20, 0.01)
        rates.append(np.mean(p_values(split(scores), random.normal(size=200)) <= 0.01))
    assert np.mean(rates) > 0.03  # the strangest of 20 groups is passed by a twentieth


def test_where_groups_were_found_the_larger_p_value_counts():
    random = np.random.default_rng(1)
    scores, sizes = grouped(random, 30, 4)
    new = random.normal(size=(50, 1))
    by_groups, by_images = Calibration((scores,), (sizes,)).p_values(new), Calibration((scores,)).p_values(new)
    assert np.array_equal(Calibration((scores,), (sizes,), None, True).p_values(new), np.maximum(by_groups, by_images))
    given = np.full(120, 2)
    by_given = Calibration((scores,), (given,)).p_values(new)
    assert np.array_equal(Calibration((scores,), (sizes,), (given,), True).p_values(new), np.maximum(by_groups, by_given))


def test_a_wrong_merge_of_strange_images_does_not_raise_the_rate():
    # A tenth of the images score high and look alike; taken for one group they weigh as one.
    random = np.random.default_rng(2)
    merged: list[Any] = []
    both: list[Any] = []
    for _ in range(200):
        count = 200
        odd = random.random(count) < 0.1
        scores = random.normal(size=count) + 6 * odd
        sizes = np.where(odd, max(odd.sum(), 1), 1)
        fresh = random.normal(size=300) + 6 * (random.random(300) < 0.1)
        for rates, found in ((merged, False), (both, True)):
            rates.append(np.mean(Calibration((scores,), (sizes,), None, found).p_values(fresh[:, None]) <= 0.05))
    assert np.mean(merged) > 0.08
    assert np.mean(both) < 0.055


def test_groups_decide_how_many_it_takes():
    few = Calibration((np.arange(300.0),), (np.full(300, 20),))
    assert few.groups == 15
    assert not few.decides(0.05)
    assert "300 images in 15 groups calibrate, it would take 19 groups" in few.promise(0.05)
    assert "300 images in 15 groups calibrate, it would take 99, and 999" in few.discovery_promise(0.01, 10)
    enough = Calibration((np.arange(300.0),), (np.full(300, 3),))
    assert "With these 100 calibration groups" in enough.promise(0.05)
    assert "The rate is a mean over groups, not over all images of one." in enough.promise(0.05)
    assert enough.band(0.05) == split(np.arange(100)).band(0.05)


def test_p_values_between_two_levels_are_rounded_up():
    calibration = Calibration((np.arange(6.0),), (np.full(6, 3),))
    values = p_values(calibration, [5.5, 4.5, 2.5])  # 1/3, (1 + 1/3)/3, 2/3
    assert calibration.levels(values).tolist() == [1, 2, 2]
    assert calibration.level_counts(values).tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    ("folds", "sizes", "bound"),
    [
        ((20, 20), None, 0.1 + 2 / 42),  # Vovk and Wang
        ((2,) * 10, None, 0.1 + (1 - 10 / 20) / 11),  # Barber et al., many folds
        ((2,) * 10, 2, 0.1 + 18 / 20),  # ten groups of two: only the first holds
        ((3, 2), None, 0.1 + 2 / 7),  # folds of other sizes
    ],
)
def test_what_is_proved_of_folds(folds, sizes, bound):
    scores = tuple(np.arange(float(count)) for count in folds)
    calibration = Calibration(scores, None if sizes is None else tuple(np.full(count, sizes) for count in folds))
    assert calibration.bound(0.05) == pytest.approx(min(bound, 1))
    assert split(np.arange(30)).bound(0.05) == 0.05


@pytest.mark.parametrize(
    "sizes", [(np.array([2, 1, 1]),), (np.array([0, 1, 1]),), (np.array([1, 1]),), (np.array([1, 1, 1]), np.array([1]))]
)
def test_sizes_are_those_of_whole_groups(sizes):
    with pytest.raises(ImagesError, match="how many images its group has"):
        Calibration((np.arange(3.0),), sizes)


def test_a_calibration_comes_back_from_its_tensors():
    scores, sizes = (np.array([3.0, 1, 2]), np.array([5.0, 4])), (np.array([1, 2, 2]), np.array([2, 2]))
    calibration = Calibration(scores, sizes, None, True)
    again = Calibration.from_tensors(calibration.tensors(), 2, True)
    new = np.random.default_rng(0).normal(size=(20, 2)) * 3
    assert np.array_equal(again.p_values(new), calibration.p_values(new))
    assert again.sizes[0].tolist() == [2, 2, 1]
