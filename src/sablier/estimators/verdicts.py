"""What every outlier detector with a conformal calibration answers: p-values, verdicts, margins, and a triage."""

import warnings
from typing import Any

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_is_fitted

from sablier.calibration import Calibration, checked_reject_alpha, images_needed, percent, verdicts_at
from sablier.errors import ImagesWarning
from sablier.tasks.detection.judge import mean_of_folds
from sablier.typing import Array


class ConformalOutlierMixin(OutlierMixin):  # type: ignore[misc]  # scikit-learn has no annotations
    """The methods of a scikit-learn outlier detector that follow from scores and their calibration.

    A class has the false-alarm rate `alpha`, and says in `_calibration` and `_columns` what its scores are.
    """

    alpha: float

    @property
    def _calibration(self) -> Calibration:
        """The scores of normal images that did not train the detector."""
        raise NotImplementedError

    def _columns(self, X: Any) -> Array:
        """Return N,K scores: one column per fold of the calibration."""
        raise NotImplementedError

    @property
    def offset_(self) -> float:
        """The negative score above which images are flagged; for folds, that of their pooled scores."""
        check_is_fitted(self)
        folds = self._calibration.folds
        return -float(self._calibration.margins(np.zeros((1, len(folds))), self.alpha)[0])

    def anomaly_score(self, X: Any) -> Array:
        """Return anomaly scores; higher is more anomalous.

        Args:
            X: what is judged, as for `fit`.

        Returns:
            N float64.

        Raises:
            ImagesError: if an image cannot be read or used.
        """
        return mean_of_folds(self._columns(X))

    def score_samples(self, X: Any) -> Array:
        """Return negative anomaly scores, as scikit-learn has them: lower is more anomalous.

        Args:
            X: what is judged, as for `fit`.

        Returns:
            N float64, minus `anomaly_score`.
        """
        return -self.anomaly_score(X)

    def decision_function(self, X: Any) -> Array:
        """Return margins to the threshold; negative for outliers.

        With one held-out split this is `score_samples(X) - offset_`. With cross-conformal folds, each fold has its own
        threshold: the margin is what can be added to the scores of all folds before the image is flagged.

        Args:
            X: what is judged, as for `fit`.

        Returns:
            N float64; infinite if too few images calibrate for `alpha`.
        """
        columns = self._columns(X)
        return self._calibration.margins(columns, self.alpha)

    def predict(self, X: Any) -> Array:
        """Return -1 for anomalies and 1 for normal images.

        Args:
            X: what is judged, as for `fit`.

        Returns:
            N integers: -1 if the p-value is at most `alpha`.

        Warns:
            ImagesWarning: if too few images calibrate for `alpha`. Then nothing is flagged.
        """
        decision = self.decision_function(X)
        calibration = self._calibration
        if not calibration.decides(self.alpha):
            warnings.warn(
                f"nothing is flagged at a false-alarm rate of {percent(self.alpha)}: {calibration.size} calibrate, it "
                f"would take {images_needed(self.alpha)}. Fit on more images or choose a larger alpha; scores and p-values hold.",
                ImagesWarning,
                stacklevel=2,
            )
        return np.where(decision < 0, -1, 1)

    def triage(self, X: Any, reject_alpha: float = 0.01, review_alpha: float = 0.05) -> Array:
        """Return "reject", "review" or "pass" for each image.

        Args:
            X: what is judged, as for `fit`.
            reject_alpha: the false-alarm rate of images that are rejected.
            review_alpha: that of images that are rejected or sent to a person; larger.

        Returns:
            N strings. Too few calibration images for `reject_alpha` reject nothing; too few for `review_alpha` leave all
            "undetermined".

        Raises:
            ConfigError: if a rate is not between 0 and 1, or `reject_alpha` is not below `review_alpha`.
        """
        checked_reject_alpha(reject_alpha, review_alpha)
        p_values = self.p_values(X)
        return verdicts_at(p_values, review_alpha, self._calibration.decides(review_alpha), reject_alpha)

    def p_values(self, X: Any) -> Array:
        """Return conformal p-values: the share of calibration images that score at least as high.

        Args:
            X: what is judged, as for `fit`.

        Returns:
            N float64, above 0 and at most 1.
        """
        columns = self._columns(X)
        return self._calibration.p_values(columns)
