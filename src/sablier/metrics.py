"""How good a result is: thin, on scikit-learn and scipy, imported when first needed."""

from math import inf, log10
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


def auroc_interval(normal: Array, anomalous: Array, level: float = 0.95) -> tuple[float, float]:
    """Return an interval for the AUROC of these scores (DeLong, DeLong and Clarke-Pearson 1988, on the logit scale).

    Its variance comes from the scores, so that it holds where images of one kind are few; the formula of Hanley and
    McNeil (1982) covers the truth in only 8 of 10 such cases. Scores that separate without an error get the exact
    bound of as many pairs as there are images of the rarer kind.

    >>> [round(bound, 3) for bound in auroc_interval(np.arange(20.0), np.arange(20.0) + 8)]
    [0.659, 0.915]
    >>> [round(bound, 3) for bound in auroc_interval(np.zeros(10), np.ones(10))]
    [0.692, 1.0]
    """
    from scipy.special import expit, logit
    from scipy.stats import norm, rankdata

    area, tail = auroc(normal, anomalous), (1 - level) / 2
    fewer, pairs = min(len(normal), len(anomalous)), len(normal) * len(anomalous)
    if area in (0.0, 1.0):
        bound = float(tail ** (1 / fewer))
        return (bound, 1.0) if area else (0.0, 1 - bound)
    ranks = rankdata(np.r_[normal, anomalous])
    beats = (ranks[len(normal) :] - rankdata(anomalous)) / len(normal)
    loses = (ranks[: len(normal)] - rankdata(normal)) / len(anomalous)
    binomial = area * (1 - area)
    variance = beats.var(ddof=1) / len(anomalous) + loses.var(ddof=1) / len(normal) if fewer > 1 else binomial
    half = norm.ppf(1 - tail) * max(float(variance), binomial / pairs) ** 0.5 / binomial
    return float(expit(logit(area) - half)), float(expit(logit(area) + half))


def psnr(mse: float) -> float:
    """Return the peak signal-to-noise ratio, in dB, of pixels in [0, 1] with this mean squared error.

    >>> psnr(0.01), psnr(0.0)
    (20.0, inf)
    """
    return -10 * log10(mse) if mse > 0 else inf


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
