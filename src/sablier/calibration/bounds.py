"""An upper bound on the good images among the flagged ones, for all cuts at once; and a lower bound on the bad ones in a lot.

Both are closed tests (Marcus, Peritz and Gabriel 1976; Goeman and Solari 2011). A set of k images may be all good unless its
local test rejects that. The test counts how many of them have a p-value of at most l / (n + 1), with n calibration images, and
rejects where this count reaches a line, start + slope * (l - 1), for some l. Good images and calibration images are in random
order, so the counts are a random path, and the probability that it reaches the line is exact, by the hitting-time theorem (Takacs
1967, Combinatorial Methods in the Theory of Stochastic Processes). It holds if good images are like those of calibration and all
are independent of each other; bad images may be anything.

The test of Simes (1986) is the line through the origin with the slope k / (risk * (n + 1)). It holds for conformal p-values,
which are positively dependent (PRDS; Bates et al. 2023), but its bounds are looser.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import lgamma
from typing import Any

import numpy as np

from sablier.calibration.rates import ROUNDING, percent
from sablier.calibration.scores import Calibration
from sablier.errors import ConfigError
from sablier.typing import Array

CONFIDENCE, LOT_CONFIDENCE = 0.9, 0.95
STEEPNESS = 3  # of the line, over the slope that good images have on average
MOST_DOWN = 1_000_000  # calibration images for each image on the flattest line
ASSUMPTION = (
    "The bound holds for whatever cut you choose, if good images are like those that calibrate the model, and independent "
    "of each other."
)


def checked_confidence(confidence: float) -> float:
    """Return a confidence, checked.

    Raises:
        ConfigError: if it is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ConfigError(f"expected a confidence between 0 and 1, such as {CONFIDENCE}, got {confidence}.")
    return float(confidence)


@dataclass(frozen=True)
class DiscoveryBound:
    """How many of the flagged images are good at most, with a confidence, for all cuts at once.

    Args:
        confidence: the probability that the bound holds at every cut.
        p_values: C cuts: images with a p-value of at most this one are flagged.
        flagged: C: how many images that flags.
        good: C: at most how many of them are good.
        cut: the p-value up to which images are flagged.
        counted: what is counted: "images", or "groups" where some images are not independent: one image of each counts.
        reason: why there is no bound; "" if there is one.
    """

    confidence: float
    p_values: Array
    flagged: Array
    good: Array
    cut: float = 0.0
    counted: str = "images"
    reason: str = ""

    def at(self, cut: float) -> tuple[int, int]:
        """Return how many images a cut flags, and at most how many of them are good."""
        place = int(np.searchsorted(self.p_values, cut + ROUNDING, side="right"))
        return (int(self.flagged[place - 1]), int(self.good[place - 1])) if place else (0, 0)

    def words(self) -> str:
        """Return the bound at the cut in words; "" if nothing is flagged."""
        if self.reason:
            return f"No bound on the good images among the flagged ones: {self.reason}"
        flagged, good = self.at(self.cut)
        what = self.counted if flagged != 1 else self.counted[:-1]
        sure = f"with {percent(self.confidence)} confidence"
        if not flagged:
            return ""
        if good == flagged:
            which = f"All {flagged:,} flagged {what}" if flagged > 1 else f"The flagged {what}"
            return f"{which} may be good: at {percent(self.confidence)} confidence no bound is lower."
        if flagged == 1:
            return f"The flagged {what} is not a good one, {sure}."
        return f"Of these {flagged:,} flagged {what} at most {good:,} {'is' if good == 1 else 'are'} good, {sure}."

    def to_json(self) -> dict[str, Any]:
        """Return the bound at the cut, in words, and at each cut that flags more images than the one before."""
        flagged, good = self.at(self.cut)
        more = np.diff(self.flagged, prepend=0) > 0
        columns = {"p_value": self.p_values, "flagged": self.flagged, "good_at_most": self.good}
        return {
            "confidence": self.confidence,
            "counted": self.counted,
            "flagged": None if self.reason else flagged,
            "good_at_most": None if self.reason else good,
            "words": self.words(),
            "curve": {name: column[more].tolist() for name, column in columns.items()},
        }


def discovery_bound(
    calibration: Calibration, counts: Array, cut: float, confidence: float = CONFIDENCE, *, images: int, grouped: bool = False,
    reason: str = "",
) -> DiscoveryBound:  # fmt: skip
    """Return the bound for a batch.

    Args:
        calibration: what the p-values are of.
        counts: from `cut_counts`, of one image of each group, summed over chunks.
        cut: the p-value up to which images are flagged; 0 for none.
        confidence: the probability that the bound holds at every cut.
        images: the number of images in the batch, of which those in `counts` are independent.
        grouped: whether the groups of the batch were named.
        reason: why no bound is stated, whatever is proved; "" if one may be.
    """
    checked_confidence(confidence)
    counted = "images" if counts.sum() == images else "groups"
    reason = reason or reason_for_none(calibration, grouped)
    if reason:
        nothing = np.empty(0)
        return DiscoveryBound(confidence, nothing, nothing, nothing, cut, counted, reason)
    flagged, ranks = np.cumsum(counts), cut_ranks(calibration)
    good = good_at_most(flagged, ranks, 1 - confidence)
    return DiscoveryBound(confidence, cut_p_values(calibration), flagged, good, cut, counted)


def reason_for_none(calibration: Calibration, grouped: bool) -> str:
    """Return why no bound is proved, in a sentence; "" if one is.

    Args:
        calibration: what the p-values are of.
        grouped: whether the groups of the batch were named.
    """
    if not calibration.count:
        return "no image calibrates this model."
    if calibration.crossed:
        return "for cross-conformal folds none is proved; fresh good images given to `sablier calibrate` bring one."
    if calibration.sizes is not None and calibration.chosen is None:
        return "the model file does not say which calibration images are independent; `sablier calibrate` brings it."
    named = calibration.sizes is not None and (not calibration.found or calibration.given_sizes is not None)
    if named and not grouped:
        return "the model was calibrated on groups that were named; name those of these images by --groups."
    return ""


def cut_counts(calibration: Calibration, scores: Array) -> Array:
    """Return how many of N scores have 0, 1, ..., n calibration scores at or above them, of a calibration on one split.

    >>> cut_counts(Calibration((np.arange(3.0),)), np.array([5.0, 1.5, 1.0]))
    array([1, 1, 1, 0])
    """
    scored = calibration.folds[0]
    above = len(scored) - np.searchsorted(scored, scores, side="left")
    return np.asarray(np.bincount(above, minlength=len(scored) + 1))


def cut_p_values(calibration: Calibration) -> Array:
    """Return the p-value of a score with 0, 1, ..., n calibration scores at or above it, of a calibration on one split."""
    return calibration.p_values(np.append(np.inf, calibration.folds[0][::-1])[:, None])


def cut_ranks(calibration: Calibration) -> Array:
    """Return the rank of a score with 0, 1, ..., n calibration scores at or above it, among one image of each group, from 1."""
    chosen = np.ones(calibration.count, bool) if calibration.chosen is None else calibration.chosen[0]
    return np.asarray(1 + np.append(0, np.cumsum(chosen[::-1])))


def good_at_most(flagged: Array, ranks: Array, risk: float) -> Array:
    """Return at most how many images are good among those flagged at each cut, for all cuts at once.

    Args:
        flagged: C: the number of images up to each cut, the most anomalous first; the last is that of all images.
        ranks: C: the rank of the last of them among the calibration images, from 1; the last is n + 1.
        risk: the probability that the bound fails at some cut.

    >>> good_at_most(np.array([8, 8, 9, 20]), np.array([1, 10, 40, 100]), 0.1).tolist()
    [1, 1, 2, 13]
    """
    may_be_good, counts = _largest_good_set(flagged, ranks, risk)
    above = np.minimum.accumulate(np.minimum(counts - 1 - flagged, 0))
    return np.asarray(np.minimum(flagged + above, may_be_good))


def fewest_bad(flagged: Array, ranks: Array, risk: float) -> int:
    """Return a lower bound on the number of bad images among all; the arguments are those of `good_at_most`.

    >>> fewest_bad(np.array([8, 8, 9, 20]), np.array([1, 10, 40, 100]), 0.1)
    7
    """
    return int(flagged[-1]) - int(good_at_most(flagged, ranks, risk)[-1])


def _largest_good_set(flagged: Array, ranks: Array, risk: float) -> tuple[int, Array]:
    """Return the size of the largest set that no local test rejects, or more, and the counts from which on its size is rejected.

    Of the sets of one size, that of the least anomalous images is rejected last. Lines rise with the size. So sets that the line
    of a larger one rejects are rejected by their own.
    """
    size, calibration = int(flagged[-1]), int(ranks[-1]) - 1
    up, down = line_slope(size, calibration)
    not_flagged = size - flagged
    while size:
        start = line_start(up, down, size, calibration, risk)
        counts = -((start + up * (ranks - 1)) // -down)
        first_rejected = max(1, int(np.min(not_flagged + counts)))
        if first_rejected > size:
            return size, counts
        size = first_rejected - 1
    return 0, np.ones_like(flagged)


def line_slope(images: int, calibration: int) -> tuple[int, int]:
    """Return the slope of the line as (up, down): up / down images for each calibration image, and one of the two is 1.

    It is about three times the slope that good images have on average. A steeper line bounds the first ranks more tightly, a
    flatter one the later ranks.

    >>> line_slope(200, 999), line_slope(500, 499)
    ((1, 2), (3, 1))
    """
    slope = STEEPNESS * images / (calibration + 1)
    return (round(slope), 1) if slope >= 1 else (1, round(1 / max(slope, 1 / MOST_DOWN)))


@lru_cache(maxsize=4096)
def line_start(up: int, down: int, images: int, calibration: int, risk: float) -> int:
    """Return the smallest start of a line that good images reach with a probability of at most `risk`, times `down`.

    The other arguments are those of `crossing`.

    >>> line_start(1, 2, 200, 999, 0.1)
    4
    """
    low, high = 0, down * images + 1  # a path never falls so far
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if crossing(middle, up, down, images, calibration) <= risk else (middle, high)
    return high


def crossing(start: int, up: int, down: int, images: int, calibration: int) -> float:
    """Return the probability that k good images reach the line: at least (start + up * (l - 1)) / down for some l.

    They and n calibration images are in random order. The height starts at `start`, rises by `up` at a calibration image and
    falls by `down` at a good image. The first time that it is 0 follows from the hitting-time theorem where it falls by 1 at
    most. Where it rises by 1, the last time does, which is the first one of the reversed path.

    Args:
        start, up, down: whole numbers of at least 1; `up` or `down` is 1.
        images: k.
        calibration: n.

    >>> round(crossing(1, 1, 1, 1, 9), 4), round(crossing(2, 2, 1, 2, 9), 4)  # one image above all others; two of them
    (0.1, 0.0182)
    """
    end = start + up * calibration - down * images
    if end <= 0:
        return 1.0
    if down == 1:
        passed = np.arange(min(calibration, (images - start) // up) + 1)
        fallen, far = start + up * passed, start
    else:
        fallen = np.arange(min(images, (calibration - end) // down) + 1)
        passed, far = end + down * fallen, end
    steps = passed + fallen
    paths = _log_choices(calibration, passed) + _log_choices(images, fallen) - _log_choices(calibration + images, steps)
    return float(np.sum(far / steps * np.exp(paths)))


def _log_choices(of: int, chosen: Array) -> Array:
    """Return the logarithms of binomial coefficients."""
    return lgamma(of + 1) - np.array([lgamma(each + 1) + lgamma(of - each + 1) for each in chosen.tolist()])
