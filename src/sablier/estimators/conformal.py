"""`ConformalCalibrator`: any outlier detector, with a false-alarm rate that the user chooses."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_outlier_detector
from sklearn.utils.validation import check_is_fitted, validate_data

from sablier.calibration import Calibration, checked_alpha
from sablier.errors import ConfigError, ImagesError, TooFewImages
from sablier.estimators.verdicts import ConformalOutlierMixin
from sablier.images.grouping import sizes_of_groups
from sablier.typing import Array

LEAST = 4  # groups: two to train on, two to calibrate with


class ConformalCalibrator(MetaEstimatorMixin, ConformalOutlierMixin, BaseEstimator):  # type: ignore[misc]
    """Calibrate any outlier detector: a scikit-learn meta-estimator with a guaranteed false-alarm rate.

    A random share of the training rows is held out, the detector is fitted on the others, and its scores of the rows held out
    make later scores p-values (split conformal prediction; Vovk, Gammerman and Shafer 2005; Bates et al. 2023). On average, at
    most a share `alpha` of new normal rows is flagged if these are exchangeable with the rows held out. The detector's own
    threshold and its `contamination` are not used. Its `decision_function` has to score each row by itself; those of PyOD's ECOD
    and COPOD depend on the other rows of the batch, so no guarantee covers them.

    Args:
        estimator: an outlier detector with `fit` and `decision_function`, of scikit-learn, PyOD or any other library.
        alpha: the false-alarm rate, between 0 and 1. It can be changed on a fitted calibrator.
        calibration_share: the share of rows (of groups, where there are some) that calibrate, between 0 and 1. A verdict at
            alpha takes 1 / alpha - 1 of them: 19 at 5 %, 99 at 1 %.
        lower_is_worse: whether outliers get low values of `decision_function`, as in scikit-learn, or high ones, as in PyOD.
            None: as in scikit-learn for its outlier detectors, as in PyOD for detectors with `decision_scores_`.
        seed: chooses the rows that calibrate.

    Attributes:
        estimator_: the fitted detector.
        calibration_: the `Calibration` by the rows held out; `calibration_.promise(alpha)` is the guarantee in words.
        calibration_rows_: the positions of the rows held out.
        lower_is_worse_: the direction in use.
        n_features_in_: the number of features.
        offset_: the negative score above which rows are flagged at `alpha`; minus infinity if too few rows calibrate.

    Examples:
        >>> import numpy as np
        >>> from sklearn.ensemble import IsolationForest
        >>> from sablier import ConformalCalibrator
        >>> X = np.random.default_rng(0).normal(size=(400, 2))
        >>> calibrator = ConformalCalibrator(IsolationForest(random_state=0), alpha=0.05).fit(X)
        >>> calibrator.predict([[0, 0], [9, 9]]).tolist(), calibrator.p_values([[9, 9]]).round(4).tolist()
        ([1, -1], [0.005])
        >>> calibrator.calibration_.size
        '200 images'
    """

    estimator_: Any
    calibration_: Calibration

    def __init__(
        self,
        estimator: Any,
        alpha: float = 0.05,
        *,
        calibration_share: float = 0.5,
        lower_is_worse: bool | None = None,
        seed: int = 0,
    ) -> None:
        self.estimator = estimator
        self.alpha = alpha
        self.calibration_share = calibration_share
        self.lower_is_worse = lower_is_worse
        self.seed = seed

    def fit(self, X: Any, y: Any = None, groups: Any = None) -> Self:
        """Fit the detector on some of the rows, and calibrate it with the others.

        Args:
            X: N,features numbers of normal rows.
            y: ignored.
            groups: N names or numbers, equal for rows that are not independent of each other. No split divides a group, and a
                group counts once.

        Returns:
            The fitted calibrator.

        Raises:
            ConfigError: if a parameter has a value that it does not take, or it is not known in which direction scores go.
            ImagesError: if there is not one group for each row, or a score is not finite.
            TooFewImages: if there are fewer than 4 groups.
        """
        checked_alpha(self.alpha)
        if not 0 < self.calibration_share < 1:
            raise ConfigError(f"expected a calibration_share between 0 and 1, such as 0.5, got {self.calibration_share}.")
        table = validate_data(self, X, ensure_min_samples=2)
        numbers = _numbers(groups, len(table))
        calibrates = _chosen(numbers, self.calibration_share, self.seed)
        self.estimator_ = clone(self.estimator).fit(table[~calibrates])
        self.lower_is_worse_ = _direction(self.estimator_) if self.lower_is_worse is None else self.lower_is_worse
        self.calibration_rows_ = np.flatnonzero(calibrates)
        sizes = None if groups is None else (sizes_of_groups(numbers[calibrates]),)
        self.calibration_ = Calibration((self._upwards(table[calibrates]),), sizes)
        return self

    @property
    def _calibration(self) -> Calibration:
        """The scores of the rows held out."""
        return self.calibration_

    def _columns(self, X: Any) -> Array:
        """Return N,1 scores; higher is more anomalous."""
        check_is_fitted(self)
        return self._upwards(validate_data(self, X, reset=False))[:, None]

    def _upwards(self, table: Array) -> Array:
        scores = np.asarray(self.estimator_.decision_function(table), np.float64).ravel()
        if len(scores) != len(table):
            raise ImagesError(f"expected one score a row from {type(self.estimator_).__name__}, got {len(scores)}.")
        return -scores if self.lower_is_worse_ else scores


def _direction(estimator: Any) -> bool:
    """Return whether outliers get low values of `decision_function`.

    Raises:
        ConfigError: if that is not known.
    """
    if hasattr(estimator, "decision_scores_"):  # PyOD; some of its detectors are those of scikit-learn underneath
        return False
    try:
        if is_outlier_detector(estimator):
            return True
    except AttributeError:  # no estimator of scikit-learn
        pass
    raise ConfigError(
        f"expected an outlier detector of scikit-learn or PyOD, got {type(estimator).__name__}. Say in which direction its "
        "decision_function goes: lower_is_worse=True or lower_is_worse=False."
    )


def _numbers(groups: Any, count: int) -> Array:
    """Return the number of the group of each row, from 0; without groups, each row has its own."""
    if groups is None:
        return np.arange(count)
    names = np.asarray(groups)
    if names.shape != (count,):
        raise ImagesError(f"expected {count} groups, one per row, got an array of shape {names.shape}.")
    return np.unique(names, return_inverse=True)[1]


def _chosen(numbers: Array, share: float, seed: int) -> Array:
    """Return N booleans: which rows calibrate, whole groups at random, at least two of them and never all but one."""
    groups = int(numbers.max()) + 1
    if groups < LEAST:
        raise TooFewImages(f"expected at least {LEAST} independent rows or groups, to fit and to calibrate, got {groups}.")
    count = min(max(round(share * groups), 2), groups - 2)
    return np.isin(numbers, np.random.default_rng(seed).permutation(groups)[:count])
