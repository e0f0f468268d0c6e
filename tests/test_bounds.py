"""Bounds on good and bad images: their probabilities are exact, and they are those of closed testing."""

from dataclasses import replace
from itertools import combinations
from math import comb

import numpy as np
import pytest

from sablier.calibration import (
    Calibration,
    checked_confidence,
    cut_counts,
    cut_p_values,
    cut_ranks,
    discovery_bound,
    good_at_most,
)
from sablier.calibration.bounds import crossing, fewest_bad, line_slope, line_start
from sablier.errors import ConfigError, ImagesError


def orders(images, calibration):
    """Yield for each order of good images and calibration images how many good ones are above each calibration image."""
    total = images + calibration
    for places in combinations(range(total), images):
        is_good = np.isin(np.arange(total), places)
        yield np.append(np.cumsum(is_good)[~is_good], images)


@pytest.mark.parametrize(("start", "up", "down"), [(1, 1, 1), (2, 1, 1), (2, 2, 1), (3, 1, 2), (1, 1, 3), (5, 1, 3), (40, 1, 2)])
@pytest.mark.parametrize(("images", "calibration"), [(4, 6), (6, 4), (5, 5), (3, 8)])
def test_the_probability_of_reaching_a_line_is_that_of_all_orders(start, up, down, images, calibration):
    reaching = sum(
        bool(np.any(down * counts >= start + up * np.arange(calibration + 1))) for counts in orders(images, calibration)
    )
    expected = reaching / comb(images + calibration, images)
    assert crossing(start, up, down, images, calibration) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("images", [1, 7, 150, 4000])
@pytest.mark.parametrize("risk", [0.1, 0.01])
def test_a_line_starts_as_low_as_the_risk_allows(images, risk):
    up, down = line_slope(images, 300)
    start = line_start(up, down, images, 300, risk)
    assert crossing(start, up, down, images, 300) <= risk
    assert start == 1 or crossing(start - 1, up, down, images, 300) > risk


def by_closed_testing(ranks, calibration, risk):
    """Return at most how many images are good for each number of most anomalous ones, by trying every set."""
    up, down = line_slope(len(ranks), calibration)

    def rejected(chosen):
        start = line_start(up, down, len(chosen), calibration, risk)
        return any(down * np.sum(chosen <= rank) >= start + up * (rank - 1) for rank in range(1, calibration + 2))

    kept = [
        set(places)
        for size in range(1, len(ranks) + 1)
        for places in combinations(range(len(ranks)), size)
        if not rejected(ranks[list(places)])
    ]
    return [max((len(each & set(range(count))) for each in kept), default=0) for count in range(1, len(ranks) + 1)]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("calibration", [5, 30])
def test_the_bound_is_that_of_closed_testing(seed, calibration):
    random = np.random.default_rng(seed)
    ranks = np.sort(np.r_[np.ones(4, int), random.integers(1, calibration + 2, 4)])
    flagged = np.searchsorted(ranks, np.arange(1, calibration + 2), side="right")
    found = good_at_most(flagged, np.arange(1, calibration + 2), 0.2)
    expected = np.append(0, by_closed_testing(ranks, calibration, 0.2))[flagged]
    assert np.all(found >= expected)  # never less than what is proved
    assert np.mean(found - expected) < 0.5


@pytest.mark.parametrize(("calibration", "good", "bad"), [(60, 90, 10), (400, 45, 5), (50, 30, 0)])
def test_the_bound_holds_at_its_worst_cut_and_the_lot_is_right(calibration, good, bad):
    random = np.random.default_rng(0)
    wrong = lots_wrong = 0
    for _ in range(400):
        scored = Calibration((random.normal(size=calibration),))
        batch = np.r_[random.normal(size=good), random.normal(3, 1, bad)]
        flagged, truth = (np.cumsum(cut_counts(scored, scores)) for scores in (batch, batch[:good]))
        wrong += bool(np.any(truth > good_at_most(flagged, cut_ranks(scored), 0.1)))
        lots_wrong += fewest_bad(flagged, cut_ranks(scored), 0.05) > bad
    assert wrong <= 55  # of 400 at 10 %, more in 1 of 100 such tests
    assert lots_wrong <= 31


def test_strong_anomalies_are_certain_and_good_images_are_not():
    scored = Calibration((np.random.default_rng(0).normal(size=500),))
    anomalous, usual = np.full(20, 100.0), np.random.default_rng(1).normal(size=80)
    assert fewest_bad(np.cumsum(cut_counts(scored, np.r_[anomalous, usual])), cut_ranks(scored), 0.05) >= 16
    assert fewest_bad(np.cumsum(cut_counts(scored, usual)), cut_ranks(scored), 0.05) == 0
    assert fewest_bad(np.cumsum(cut_counts(scored, np.empty(0))), cut_ranks(scored), 0.05) == 0


def bound_of(calibration, scores, cut=0.05, **options):
    return discovery_bound(calibration, cut_counts(calibration, scores), cut, images=len(scores), **options)


def test_the_words_name_what_is_flagged_and_the_bound():
    calibration = Calibration((np.arange(200.0),))
    scores = np.r_[np.full(12, 300.0), np.linspace(0, 180, 50)]
    bound = bound_of(calibration, scores)
    flagged, good = bound.at(0.05)
    assert flagged == 12
    assert good == 1
    assert bound.words() == "Of these 12 flagged images at most 1 is good, with 90% confidence."
    assert bound.to_json()["flagged"] == 12
    assert bound.to_json()["good_at_most"] == good
    assert bound.to_json()["curve"]["flagged"][-1] == len(scores)
    assert bound_of(calibration, scores, cut=0.0).words() == ""
    assert "may be good" in bound_of(calibration, np.r_[199.5, np.zeros(40)]).words()


def test_where_none_is_proved_the_reason_is_given():
    fold = np.arange(30.0)
    reasons = {
        "cross-conformal": Calibration((fold, fold)),
        "no image calibrates": Calibration((np.empty(0),)),
        "does not say which": Calibration((fold,), (np.full(30, 3),), found=True),
        "name those of these images": Calibration((fold,), (np.full(30, 3),), chosen=(np.arange(30) % 3 == 0,)),
    }
    for part, calibration in reasons.items():
        bound = bound_of(calibration, np.full(9, 50.0))
        assert part in bound.words()
        assert bound.to_json()["good_at_most"] is None


def test_one_image_of_each_calibration_group_counts():
    scores, chosen = np.arange(60.0), np.arange(60) % 3 == 0
    grouped = Calibration((scores[::-1],), (np.full(60, 3),), chosen=(chosen[::-1],))
    assert cut_ranks(grouped)[-1] == 21
    alone = Calibration((scores[chosen],))
    batch = np.r_[np.full(8, 90.0), np.linspace(1, 50, 30)]
    expected = good_at_most(np.cumsum(cut_counts(alone, batch)), cut_ranks(alone), 0.1)
    found = bound_of(grouped, batch, grouped=True)
    assert found.good[0] == expected[0]
    assert found.good[-1] == expected[-1]
    assert cut_p_values(grouped)[0] == pytest.approx(1 / 21)


def test_a_model_file_keeps_which_image_stands_for_its_group():
    chosen = (np.arange(30) % 3 == 1,)
    calibration = Calibration((np.arange(30.0),), (np.full(30, 3),), chosen=chosen)
    again = Calibration.from_tensors(calibration.tensors(), 1, found=False)
    assert np.array_equal(again.chosen[0], chosen[0])
    with pytest.raises(ImagesError, match="stands for each group"):
        replace(calibration, chosen=(np.ones(30, bool),))


@pytest.mark.parametrize("confidence", [0.0, 1.0, 90.0])
def test_a_confidence_is_between_0_and_1(confidence):
    with pytest.raises(ConfigError, match="between 0 and 1"):
        checked_confidence(confidence)
