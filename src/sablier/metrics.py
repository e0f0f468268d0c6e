"""How good a result is: thin, on scikit-learn and scipy, imported when first needed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sablier.errors import TooFewImages

Array = NDArray[Any]


def auroc(normal: Array, anomalous: Array) -> float:
    """Return the area under the ROC curve: the chance that an anomaly scores higher than a normal image.

    >>> auroc(np.array([0.1, 0.2]), np.array([0.3, 0.15]))
    0.75

    Raises:
        TooFewImages: where either side is empty.
    """
    from sklearn.metrics import roc_auc_score

    if not len(normal) or not len(anomalous):
        raise TooFewImages("AUROC compares normal images with anomalies: expected at least one of each.")
    truth = np.r_[np.zeros(len(normal)), np.ones(len(anomalous))]
    return float(roc_auc_score(truth, np.r_[normal, anomalous]))


def auroc_interval(value: float, normal: int, anomalous: int, level: float = 0.95) -> tuple[float, float]:
    """Return an interval for an AUROC from so many images of each kind (Hanley and McNeil 1982)."""
    from scipy.stats import norm

    q1, q2 = value / (2 - value), 2 * value**2 / (1 + value)
    variance = (
        value * (1 - value) + (anomalous - 1) * (q1 - value**2) + (normal - 1) * (q2 - value**2)
    ) / (normal * anomalous)  # fmt: skip
    half = float(norm.ppf((1 + level) / 2)) * max(variance, 0.0) ** 0.5
    return max(0.0, value - half), min(1.0, value + half)


def rate_interval(hits: int, count: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a rate (Clopper and Pearson 1934).

    >>> [round(bound, 3) for bound in rate_interval(5, 100)]
    [0.016, 0.113]
    """
    from scipy.stats import binomtest

    interval = binomtest(hits, count).proportion_ci(level, method="exact")
    return float(interval.low), float(interval.high)


def roc_curve(normal: Array, anomalous: Array) -> tuple[Array, Array]:
    """Return false-alarm and detection rates along the ROC curve."""
    from sklearn.metrics import roc_curve as curve

    false_alarms, detections, _ = curve(np.r_[np.zeros(len(normal)), np.ones(len(anomalous))], np.r_[normal, anomalous])
    return false_alarms, detections
