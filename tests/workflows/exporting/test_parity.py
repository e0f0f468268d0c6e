"""`Parity`: which differences are allowed, and which images are excused."""

import numpy as np
import pytest

from sablier.calibration import Calibration
from sablier.tasks.detection.judge import FoldScores
from sablier.workflows.exporting.parity import ALPHAS, Answers, Difference, Parity, detector_parity

IDS = np.array([f"{k}.png" for k in range(6)])


@pytest.fixture
def calibration():
    return Calibration((np.arange(199.0),))


def scores_of(values, **changed):
    """Return what a detector of one member computes whose scores are `values`."""
    column = np.asarray(values, float)[:, None]
    maps = np.zeros((len(column), 4, 4), np.float32)
    baselines = {"pca": 0 * column, "knn": 0 * column}
    return FoldScores(**{"scores": column, "contributions": column, "baselines": baselines, "anomaly_maps": maps, **changed})


def answers_of(calibration, values, alphas=None):
    scores = np.asarray(values, float)
    alphas = np.resize(ALPHAS, len(scores)) if alphas is None else alphas
    p_values = calibration.p_values(scores[:, None])
    return Answers(alphas, scores, p_values, p_values <= alphas)


def compared(calibration, ours, theirs, answers=None):
    found = answers_of(calibration, theirs) if answers is None else answers
    return detector_parity(calibration, ("patches",), IDS, scores_of(ours), scores_of(theirs), found)


VALUES = np.array([3.5, 90.5, 188.5, 190.5, 197.5, 300.0])


def test_equal_models_agree(calibration):
    found = compared(calibration, VALUES, VALUES)
    assert found.faults() == found.faults_in_8_bits() == []
    assert (found.images, found.decided, found.verdicts, found.near) == (6, 18, (), ())
    assert found.words().endswith("; all 18 verdicts are the same.")


def test_scores_may_differ_by_a_ten_thousandth_of_their_spread(calibration):
    spread = calibration.folds[0].std()
    assert not compared(calibration, VALUES, VALUES + 0.99e-4 * spread).faults()
    faults = compared(calibration, VALUES, VALUES + 1.01e-4 * spread).faults()
    assert [fault.split(" by up to ")[0] for fault in faults[:2]] == ["scores", "contributions of the member patches"]
    assert f"(allowed {1e-4 * spread:.2g})" in faults[0]


def test_an_image_at_the_threshold_is_excused_and_listed(calibration):
    threshold = calibration.threshold(0.05)
    values = VALUES.copy()
    values[2] = threshold - 1e-5
    others = VALUES.copy()
    others[2] = threshold + 1e-5
    found = compared(calibration, values, others)
    assert found.near == ("2.png",)
    assert found.verdicts == ()
    assert not [fault for fault in found.faults() if "verdicts" in fault]
    assert "; other verdicts: 2.png." in found.words()


def test_another_verdict_for_no_reason_is_a_fault(calibration):
    others = VALUES.copy()
    others[2] = 191.5
    found = compared(calibration, VALUES, others)
    assert found.verdicts == ("2.png",)
    assert found.faults()[-1] == "verdicts of 2.png"
    assert "ranks of p-values by up to 3 (allowed 1)" in found.faults()


def test_what_the_graph_itself_answers_is_compared(calibration):
    right = answers_of(calibration, VALUES)
    for changed, said in (
        (right._replace(scores=right.scores + 1), "scores that the graph returns"),
        (right._replace(p_values=right.p_values + 0.02), "ranks of p-values that the graph returns"),
        (right._replace(flagged=~right.flagged), "verdicts of 0.png, 1.png, 2.png and 3 more"),
    ):
        faults = compared(calibration, VALUES, VALUES, changed).faults()
        assert [fault.split(" by up to")[0] for fault in faults] == [said]


def test_a_verdict_that_nothing_calibrates_is_the_same(calibration):
    few = Calibration((np.arange(5.0),))
    values = np.linspace(0, 9, 6)
    found = compared(few, values, values, answers_of(few, values)._replace(flagged=np.zeros(6, bool)))
    assert (found.decided, found.faults()) == (0, [])
    assert "verdicts" not in found.words()


def test_values_that_are_not_finite_differ_infinitely(calibration):
    assert Difference.of("maps", np.zeros(3), np.array([0, np.nan, 0]), 0.1).largest == np.inf
    assert Difference.of("maps", np.zeros(3), np.array([0, np.inf, 0]), 0.1).is_large
    assert not Difference.of("maps", np.empty(0), np.empty(0), 0.1).is_large
    others = scores_of(VALUES, anomaly_maps=np.full((6, 4, 4), np.nan, np.float32))
    found = detector_parity(calibration, ("patches",), IDS, scores_of(VALUES), others, answers_of(calibration, VALUES))
    assert found.faults() == ["anomaly maps by up to inf (allowed 0.001)"]


def test_in_8_bits_verdicts_count_where_there_are_some():
    scores = (Difference("scores", 9.0, 1e-4),)
    assert Parity(100, scores, 300, ("1.png",), ("2.png",)).faults_in_8_bits() == []
    assert Parity(100, scores, 300, ("1.png", "2.png"), ("3.png",)).faults_in_8_bits() == ["verdicts of 1.png, 2.png, 3.png"]
    assert Parity(100, scores, 300, ("1.png",), ("1.png", "2.png")).faults_in_8_bits() == []


def test_in_8_bits_other_outputs_may_differ_more():
    assert Parity(9, (Difference("pixels", 0.049, 1e-4),)).faults_in_8_bits() == []
    assert Parity(9, (Difference("pixels", 0.051, 1e-4),)).faults_in_8_bits() == ["pixels by up to 0.051 (allowed 0.0001)"]
    assert Parity(9, (Difference("pixels", np.nan, 1e-4),)).faults_in_8_bits()
