"""The drift alarm: silent on images like those calibrated on, whichever calibrated; it finds a drift, and survives a restart."""

import numpy as np
import pytest
from scipy import stats

from sablier.calibration import Calibration
from sablier.errors import ConfigError, ImagesError
from sablier.monitoring import DriftAlarm


def watched(scores, calibrated, level=0.01) -> DriftAlarm:
    calibration = Calibration((calibrated,))
    alarm = DriftAlarm.of(calibration, level)
    alarm.update(calibration.p_values(scores[:, None]))
    return alarm


def false_alarms(count: int, streams: int, level: float, trusted: int = 1) -> int:
    """Count alarms on streams of 3,000 normal images; with `trusted`, each calibration image counts as so many."""
    random, alarms = np.random.default_rng(0), 0
    for _ in range(streams):
        calibration = Calibration((random.normal(size=count),))
        alarm = DriftAlarm.of(calibration, level)
        alarm.masses = alarm.masses * trusted
        alarm.update(calibration.p_values(random.normal(size=(3000, 1))))
        alarms += alarm.alarmed
    return alarms


@pytest.mark.parametrize("count", [30, 200])
def test_it_goes_on_no_more_than_the_stated_share_of_streams(count):
    assert false_alarms(count, 40, 0.2) <= stats.binom.ppf(0.999, 40, 0.2)


def test_without_counting_the_stream_it_would():
    # The same check must fail where the calibration images are taken for the truth: then their chance deviations are a drift.
    assert false_alarms(30, 20, 0.2, trusted=10**9) > stats.binom.ppf(0.999, 20, 0.2)


@pytest.mark.parametrize("count", [200, 2000])
@pytest.mark.parametrize(("shift", "start"), [(0.7, 0), (-0.7, 0), (0.7, 2000), (-0.7, 2000), (6, 500)])
def test_a_shift_is_found_wherever_it_starts_and_whichever_way(count, shift, start):
    random = np.random.default_rng(1)
    scores = random.normal(size=3500)
    scores[start:] += shift
    alarm = watched(scores, random.normal(size=count))
    assert alarm.alarmed
    assert start < alarm.count < start + 900
    assert alarm.too_small == (shift > 0)
    words = alarm.words()
    assert f"p-values of the last images are too {'small' if shift > 0 else 'large'} for images like those calibrated on" in words
    assert "sablier calibrate" in words
    assert f"by image {alarm.count:,}" in words


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1])
def test_some_anomalies_do_not_set_it_off(share):
    random = np.random.default_rng(2)
    for _ in range(3):
        scores = random.normal(size=4000)
        scores[random.random(4000) < share] += 8
        alarm = watched(scores, random.normal(size=1000))
        assert not alarm.alarmed
        assert "No sign of drift in 4,000 images" in alarm.words()


def test_a_dozen_anomalies_in_a_row_do_not_set_it_off():
    random = np.random.default_rng(3)
    scores = random.normal(size=2000)
    scores[700:712] += 8
    assert not watched(scores, random.normal(size=1000)).alarmed


def test_equal_scores_are_no_drift():
    assert not watched(np.zeros(3000), np.zeros(300)).alarmed
    random = np.random.default_rng(4)
    assert not watched(random.integers(0, 5, 3000).astype(float), random.integers(0, 5, 300).astype(float)).alarmed


def test_folds_are_watched_too():
    random = np.random.default_rng(5)
    calibration = Calibration(tuple(random.normal(size=20) for _ in range(5)))
    alarm = DriftAlarm.of(calibration)
    alarm.update(calibration.p_values(np.repeat(random.normal(size=(2000, 1)), 5, axis=1)))
    assert not alarm.alarmed
    alarm.update(calibration.p_values(np.repeat(random.normal(size=(500, 1)) + 2, 5, axis=1)))
    assert alarm.alarmed


@pytest.mark.parametrize("level", [0.01, 1e-300])
def test_the_size_of_chunks_changes_nothing(level):
    random = np.random.default_rng(6)
    calibration = Calibration((random.normal(size=150),))
    p_values = calibration.p_values(np.r_[random.normal(size=700), random.normal(size=300) + 0.6][:, None])
    whole, parts = DriftAlarm.of(calibration, level), DriftAlarm.of(calibration, level)
    whole.update(p_values)
    for part in np.split(p_values, [1, 1, 40, 333, 900]):
        parts.update(part)
    assert parts.evidence == pytest.approx(whole.evidence, rel=1e-9)
    assert (parts.count, parts.words()) == (whole.count, whole.words())
    assert whole.alarmed == (level == 0.01)
    assert whole.alarmed or np.array_equal(parts.masses, whole.masses)


def test_what_was_found_stays_found():
    random = np.random.default_rng(7)
    calibration = Calibration((random.normal(size=300),))
    alarm = DriftAlarm.of(calibration)
    alarm.update(calibration.p_values(random.normal(size=(300, 1)) + 3))
    before = alarm.words()
    alarm.update(calibration.p_values(random.normal(size=(3000, 1))))
    assert alarm.alarmed
    assert alarm.words() == before


@pytest.mark.parametrize("bad", [[0.0], [1.5], [np.nan], [-0.1], [[0.5]], 0.5])
def test_what_is_no_p_value_is_refused(bad):
    with pytest.raises(ImagesError, match="expected p-values above 0 and at most 1"):
        DriftAlarm.of(Calibration((np.arange(9.0),))).update(np.array(bad))


@pytest.mark.parametrize("level", [0, 1, -1, float("nan")])
def test_a_level_lies_between_0_and_1(level):
    with pytest.raises(ConfigError, match=r"between 0 and 1, such as 0\.01"):
        DriftAlarm.of(Calibration((np.arange(9.0),)), level)


def test_without_calibration_nothing_is_tested():
    alarm = DriftAlarm.of(Calibration((np.empty(0),)))
    alarm.update(np.ones(1000))
    assert not alarm.alarmed
    assert alarm.words() == "Drift is not tested: no image calibrates the model."
