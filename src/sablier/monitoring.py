"""`DriftAlarm`: a test martingale that bets against "new images are exchangeable with the calibration images".

Under that hypothesis, the rank of each new image among the calibration images and all images before it is uniform, and
independent of earlier ranks (Vovk, Gammerman and Shafer 2005). A martingale of bets on these ranks starts at 1. It reaches 1
/ level with a probability of at most `level` (Ville 1939), however long the stream and however few the calibration images.
Plain p-values would not do: they all compare with the same calibration images, whose chance deviations a long stream would
show as drift.
"""

from dataclasses import dataclass, field
from math import log

import numpy as np

from sablier.calibration import Calibration, levels_of, percent
from sablier.errors import ConfigError, ImagesError
from sablier.typing import Array

LEVEL = 0.01  # the probability of a false alarm over the whole stream
CELLS = 200  # bins of p-values: half a percent each is fine enough, and the state stays small
STRANGE = 0.05  # p-values up to this may be anomalies, so they tell nothing about the other images
TOLERATED, FLOOD = 0.25, 0.75  # shares of p-values up to STRANGE: one bet is that the share is FLOOD and not TOLERATED
FLOOD_EVERY = 5  # that bet uses every fifth image, so that a dozen anomalies in a row gain it little
SLANTS = np.array([-0.8, -0.4, -0.2, 0.2, 0.4, 0.8])  # of the bets on the other images: p-values too small, or too large
TOO_SMALL = np.array([True, *(SLANTS < 0)])  # the bets that win on p-values that are too small: the one on the share, then these
AT_ONCE = 256  # images whose ranks are computed at once


@dataclass
class DriftAlarm:
    """Detect drift in a stream of p-values, in either direction, with a bounded false-alarm probability.

    A test martingale bets against exchangeability with the calibration images (Vovk, Nouretdinov and Gammerman 2003). One
    bet wins if most p-values are at most 5 %, and loses if fewer than half are, so a few anomalies do not raise the alarm.
    The other bets are on the ranks of the remaining images. Every bet gets a little new stake at each image, so that late
    drift is found, too. An alarm stays on.

    Args:
        masses: counts of p-values in bins, smallest first, of the calibration images and of the stream so far, plus 1 in the
            first bin. A calibration group counts once, shared among its images.
        calibration_count: the number m of calibration groups; p-values are rounded up to multiples of 1 / (m + 1).
        level: the probability of an alarm without drift, between 0 and 1.
        stakes: the present stake of each bet.
        count: the number of p-values so far.
        evidence: the largest value of the test martingale so far, at least 1.
        too_small: whether this came from p-values that are too small; otherwise they are too large.

    Examples:
        >>> import numpy as np
        >>> from sablier import Calibration, DriftAlarm
        >>> alarm = DriftAlarm.of(Calibration((np.arange(99.0),)))
        >>> alarm.update(np.full(100, 0.01))
        >>> alarm.alarmed, alarm.count, alarm.too_small
        (True, 31, True)
    """

    masses: Array
    calibration_count: int
    level: float = LEVEL
    stakes: Array = field(default_factory=lambda: np.zeros(len(TOO_SMALL)))
    count: int = 0
    evidence: float = 1.0
    too_small: bool = False

    @classmethod
    def of(cls, calibration: Calibration, level: float = LEVEL) -> "DriftAlarm":
        """Return the alarm for the p-values of a calibration.

        With cross-conformal folds the guarantee is approximate, as it is for their p-values.

        Args:
            calibration: the calibration.
            level: the probability of an alarm without drift, between 0 and 1.

        Returns:
            An alarm that has seen no image yet.

        Raises:
            ConfigError: if the level is not between 0 and 1.
        """
        if not 0 < level < 1:
            raise ConfigError(f"expected a level of the drift alarm between 0 and 1, such as 0.01, got {level}.")
        groups = calibration.groups
        levels, weights = np.arange(2, groups + 2), np.ones(groups)
        if not calibration.crossed:  # equal scores share a level
            levels = calibration.levels(calibration.p_values(calibration.folds[0][:, None]))
            weights = calibration.views[0][0][0]
        alarm = cls(np.zeros(min(CELLS, groups + 1)), groups, level)
        np.add.at(alarm.masses, alarm._cells(np.append(levels, 1)), np.append(weights, 1.0))
        return alarm

    @property
    def alarmed(self) -> bool:
        """Whether drift was detected; it stays true."""
        return self.evidence >= 1 / self.level

    def update(self, p_values: Array) -> None:
        """Add the p-values of the next images, in their order; how they are split into calls does not matter.

        Args:
            p_values: N p-values, above 0 and at most 1, of images that are independent of each other: of a burst, only one.

        Raises:
            ImagesError: if they are not p-values.
        """
        p_values = np.asarray(p_values, np.float64)
        if p_values.ndim != 1 or not np.all((p_values > 0) & (p_values <= 1)):
            raise ImagesError("expected p-values above 0 and at most 1, in one dimension.")
        cells = self._cells(levels_of(p_values, self.calibration_count))
        for start in range(0, len(cells), AT_ONCE):
            block = cells[start : start + AT_ONCE]
            for factors in self._factors(block):
                if self.alarmed:
                    return
                self._settle(factors)
            np.add.at(self.masses, block, 1)

    def words(self) -> str:
        """Return the state of the alarm in a sentence or two."""
        if not self.calibration_count:
            return "Drift is not tested: no image calibrates the model."
        odds = f"{self.evidence:,.0f} to 1" if self.alarmed else f"{self.evidence:.2g} to 1"
        if not self.alarmed:
            return (
                f"No sign of drift in {self.count:,} images (evidence {odds}; the alarm goes at {1 / self.level:,.0f}, "
                f"with a chance of {percent(self.level)} where nothing drifts)."
            )
        if self.too_small:
            seen, means = "too small", "If they are good images, too many will be flagged"
        else:
            seen, means = "too large", "They score lower than the calibration images, so bad ones may pass"
        return (
            f"Drift: by image {self.count:,}, p-values of the last images are {seen} for images like those calibrated on "
            f"(evidence {odds}). {means}: recalibrate with `sablier calibrate` on good images of today."
        )

    def _cells(self, levels: Array) -> Array:
        """Return the bin of each level."""
        return np.asarray((levels - 1) * min(CELLS, self.calibration_count + 1) // (self.calibration_count + 1))

    def _factors(self, cells: Array) -> Array:
        """Return B,K: the factor by which each image of a block multiplies the stake of each bet, given the images before it.

        The mean of each factor, weighted by the masses of the bins, is at most 1: this makes the martingale valid.
        """
        rows, first = np.arange(len(cells)), int(STRANGE * len(self.masses))
        fell = np.zeros((len(cells), len(self.masses)), np.int64)
        fell[rows, cells] = 1
        masses = self.masses + np.cumsum(fell, axis=0) - fell
        is_strange = cells < first
        expected = np.maximum(masses[:, :first].sum(axis=1) / masses.sum(axis=1), TOLERATED)
        flood = np.where(is_strange, FLOOD / expected, (1 - FLOOD) / (1 - expected))
        looked_at = ((self.count + rows) % FLOOD_EVERY == 0) & (expected < FLOOD)
        # The middle of a bin, from 0 to 1 among the others: bets that are linear in it are as fair as bets on an exact rank.
        ends = np.cumsum(masses[:, first:], axis=1)
        middles = (ends[rows, np.maximum(cells - first, 0)] - masses[rows, cells] / 2) / ends[:, -1]
        slanted = np.where(is_strange[:, None], 1.0, 1 + SLANTS * (2 * middles[:, None] - 1))
        return np.column_stack([np.where(looked_at, flood, 1.0), slanted])

    def _settle(self, factors: Array) -> None:
        """Give each bet its new stake at this image, and multiply all stakes by their factors."""
        begun = (_kept_back(self.count) - _kept_back(self.count + 1)) / len(factors)
        self.stakes = (self.stakes + begun) * factors
        self.count += 1
        evidence = float(self.stakes.sum()) + _kept_back(self.count)
        if evidence > self.evidence:
            self.evidence = evidence
            self.too_small = bool(self.stakes[TOO_SMALL].sum() >= self.stakes[~TOO_SMALL].sum())


def _kept_back(count: int) -> float:
    """Return the share of the stake that is not bet after `count` images; it falls slowly, so that late bets matter, too."""
    return 1 / (1 + log(1 + count))
