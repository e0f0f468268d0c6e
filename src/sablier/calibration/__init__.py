"""Conformal calibration: from the scores of normal images to p-values, verdicts and a promise that can be checked.

The scores of `n` normal images that the model never trained on turn a new score `s` into the p-value
`(1 + number of calibration scores >= s) / (n + 1)`. If a new image is normal, the chance of a p-value at or
below alpha is at most alpha, whatever the model and the images (Vovk, Gammerman and Shafer 2005; Bates, Candes,
Lei, Romano and Sesia 2023).

Images that are not independent of each other form groups, and a group counts once: with `m` groups the p-value is
`(1 + sum over groups of the share of their images that score >= s) / (m + 1)`, valid for one image of a new group that is
exchangeable with those of calibration (hierarchical conformal prediction, Lee, Barber and Willett 2023). Where groups were
found in the pixels rather than given, the p-value is the larger of that and the one by given groups (by single images where
none were given), valid if either view is right.

With tens of groups, several models are trained, each on all groups but one fold, and every image is scored by the model that
did not see it (cross-conformal, Vovk 2015): the rate is about alpha in practice, and twice that at worst, with a term for the
number of folds (Vovk and Wang 2020; Barber, Candes, Ramdas and Tibshirani 2021).

Flags can be chosen for the whole batch instead, so that among them the share of good images is bounded: the procedure of
Benjamini and Hochberg (1995), which holds for conformal p-values of independent images (Bates et al. 2023). P-values are
rounded up to multiples of 1 / (m + 1) for it, so that counting how many images have each is enough.
"""

from sablier.calibration.discoveries import checked_fdr, discovery_cut
from sablier.calibration.rates import (
    ANOMALY,
    NORMAL,
    UNDETERMINED,
    checked_alpha,
    images_needed,
    levels_of,
    percent,
    simultaneous_band,
    verdicts_at,
)
from sablier.calibration.scores import Calibration

__all__ = [
    "ANOMALY",
    "NORMAL",
    "UNDETERMINED",
    "Calibration",
    "checked_alpha",
    "checked_fdr",
    "discovery_cut",
    "images_needed",
    "levels_of",
    "percent",
    "simultaneous_band",
    "verdicts_at",
]
