"""`ConformalCalibrator`: scikit-learn's own checks, the false-alarm rate, and detectors of either direction."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM
from sklearn.utils.estimator_checks import parametrize_with_checks

from sablier.calibration import simultaneous_band
from sablier.errors import ConfigError, ImagesError, ImagesWarning, TooFewImages
from sablier.estimators import ConformalCalibrator


class LikePyod(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no annotations
    """Distances from the mean, as a detector of PyOD gives them: higher is worse."""

    def fit(self, X, y=None):
        self.mean_ = X.mean(axis=0)
        self.decision_scores_ = self.decision_function(X)
        return self

    def decision_function(self, X):
        return np.square(X - self.mean_).sum(axis=1)


class WithoutDirection(LikePyod):
    """The same without the attribute of PyOD."""

    def fit(self, X, y=None):
        super().fit(X)
        del self.decision_scores_
        return self


def normal(count, seed, features=3):
    return np.random.default_rng(seed).normal(size=(count, features))


@parametrize_with_checks([ConformalCalibrator(IsolationForest(n_estimators=5, random_state=0))])
@pytest.mark.filterwarnings("ignore:nothing is flagged:sablier.errors.ImagesWarning")  # some checks fit on 10 rows
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


DETECTORS = {
    "isolation forest": IsolationForest(n_estimators=20, random_state=0),
    "one-class SVM": OneClassSVM(),
    "local outlier factor": LocalOutlierFactor(novelty=True),
    "pipeline": make_pipeline(StandardScaler(), OneClassSVM()),
    "as PyOD": LikePyod(),
}


@pytest.mark.parametrize("detector", DETECTORS.values(), ids=DETECTORS.keys())
def test_good_rows_are_flagged_at_the_rate_asked_for_and_outliers_found(detector):
    calibrator = ConformalCalibrator(detector, alpha=0.1).fit(normal(400, 0))
    alarms = int((calibrator.predict(normal(2000, 1)) == -1).sum())
    low, high = simultaneous_band(0.1, 200, 2000, splits=1, level=0.999)
    assert low <= alarms <= high
    assert (calibrator.predict(normal(50, 2) + 12) == -1).all()
    assert calibrator.lower_is_worse_ is not isinstance(detector, LikePyod)


def test_p_values_are_ranks_among_the_rows_held_out():
    X, new = normal(100, 0), normal(20, 1)
    calibrator = ConformalCalibrator(LikePyod(), calibration_share=0.3).fit(X)
    held_out = calibrator.calibration_rows_
    assert len(held_out) == 30
    fitted = LikePyod().fit(np.delete(X, held_out, axis=0))
    expected = [(1 + np.sum(fitted.decision_function(X[held_out]) >= score)) / 31 for score in fitted.decision_function(new)]
    assert np.allclose(calibrator.p_values(new), expected)
    assert np.array_equal(calibrator.predict(new), np.where(np.array(expected) <= 0.05, -1, 1))
    assert np.array_equal(calibrator.anomaly_score(new), fitted.decision_function(new))


def test_groups_stay_whole_and_count_once():
    groups = np.repeat(np.arange(30), 4)
    calibrator = ConformalCalibrator(LikePyod()).fit(np.repeat(normal(30, 0), 4, axis=0), groups=groups)
    held_out = groups[calibrator.calibration_rows_]
    assert len(held_out) == 60
    assert set(np.unique(held_out, return_counts=True)[1]) == {4}
    assert calibrator.calibration_.groups == 15
    with pytest.raises(ImagesError, match="10 groups, one per row, got an array of shape"):
        ConformalCalibrator(LikePyod()).fit(normal(10, 0), groups=[1, 2])


def test_a_direction_that_is_not_known_has_to_be_named():
    X = normal(100, 0)
    with pytest.raises(ConfigError, match=r"got WithoutDirection\. Say in which direction"):
        ConformalCalibrator(WithoutDirection()).fit(X)
    named = ConformalCalibrator(WithoutDirection(), lower_is_worse=False).fit(X)
    assert named.predict([[9, 9, 9]]).tolist() == [-1]


def test_a_triage_and_the_guarantee_in_words():
    calibrator = ConformalCalibrator(LikePyod()).fit(normal(400, 0))
    assert calibrator.triage([[0, 0, 0], [9, 9, 9]]).tolist() == ["pass", "reject"]
    assert calibrator.calibration_.promise(0.05).startswith("At most 5%")


def test_too_few_rows_flag_nothing_and_say_so():
    calibrator = ConformalCalibrator(LikePyod()).fit(normal(20, 0))
    with pytest.warns(ImagesWarning, match="10 images calibrate, it would take 19"):
        assert calibrator.predict([[99, 99, 99]]).tolist() == [1]
    with pytest.raises(TooFewImages, match="at least 4 independent rows or groups"):
        ConformalCalibrator(LikePyod()).fit(normal(3, 0))


@pytest.mark.parametrize(("name", "value"), [("alpha", 0), ("alpha", 1.5), ("calibration_share", 0), ("calibration_share", 1)])
def test_shares_lie_between_0_and_1(name, value):
    with pytest.raises(ConfigError, match="between 0 and 1"):
        ConformalCalibrator(LikePyod(), **{name: value}).fit(normal(50, 0))
