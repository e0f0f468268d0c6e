"""Conformal calibration: from anomaly scores of normal images to p-values, verdicts and a guaranteed false-alarm rate.

Given the scores of `n` normal images that did not train the model, the p-value of a new score `s` is `(1 + number of
calibration scores >= s) / (n + 1)`. For a normal image, the p-value is at most alpha with a probability of at most alpha,
whatever the model and the images (Vovk, Gammerman and Shafer 2005; Bates, Candes, Lei, Romano and Sesia 2023).

Images that are not independent of each other form groups, and a group counts once. With `m` groups the p-value is `(1 + sum
over groups of the share of their images that score >= s) / (m + 1)`. It is valid for one image of a new group that is
exchangeable with the calibration groups (hierarchical conformal prediction; Lee, Barber and Willett 2023). If groups were
found in the pixels and not given, the p-value is the larger of two: by these groups, and by the given ones (or by single
images). It is valid if either grouping is right.

With only tens of groups, several models are trained, each on all groups but one fold. Every image is scored by the model
that was not trained on it (cross-conformal; Vovk 2015). The rate is then about alpha in practice; the proved bound is twice
that, plus a term for the number of folds (Vovk and Wang 2020; Barber, Candes, Ramdas and Tibshirani 2021).

Alternatively, a whole batch can be flagged at a false-discovery rate: the share of good images among the flagged ones is
bounded (Benjamini and Hochberg 1995). This holds for conformal p-values of independent images (Bates et al. 2023). P-values
are rounded up to multiples of 1 / (m + 1), so only the number of images with each value is needed.

`bounds` bounds the good images among the flagged ones with a confidence, for all cuts at once, and the bad images of a lot.
"""

from sablier.calibration.bounds import (
    ASSUMPTION,
    CONFIDENCE,
    LOT_CONFIDENCE,
    DiscoveryBound,
    checked_confidence,
    cut_counts,
    cut_p_values,
    cut_ranks,
    discovery_bound,
    fewest_bad,
    good_at_most,
    reason_for_none,
)
from sablier.calibration.discoveries import checked_fdr, discovery_cut
from sablier.calibration.marks import mark_promise
from sablier.calibration.rates import (
    ANOMALY,
    FLAGGING,
    NORMAL,
    PASS,
    REJECT,
    REVIEW,
    UNDETERMINED,
    checked_alpha,
    images_needed,
    is_flagged,
    levels_of,
    percent,
    simultaneous_band,
    verdicts_at,
)
from sablier.calibration.scores import Calibration
from sablier.calibration.triage import checked_reject_alpha, triage_promise

__all__ = [
    "ANOMALY",
    "ASSUMPTION",
    "CONFIDENCE",
    "FLAGGING",
    "LOT_CONFIDENCE",
    "NORMAL",
    "PASS",
    "REJECT",
    "REVIEW",
    "UNDETERMINED",
    "Calibration",
    "DiscoveryBound",
    "checked_alpha",
    "checked_confidence",
    "checked_fdr",
    "checked_reject_alpha",
    "cut_counts",
    "cut_p_values",
    "cut_ranks",
    "discovery_bound",
    "discovery_cut",
    "fewest_bad",
    "good_at_most",
    "images_needed",
    "is_flagged",
    "levels_of",
    "mark_promise",
    "percent",
    "reason_for_none",
    "simultaneous_band",
    "triage_promise",
    "verdicts_at",
]
