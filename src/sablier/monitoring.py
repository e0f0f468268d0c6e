"""The drift alarm: a test martingale that bets against "the stream is still like the images that calibrated".

If that holds, the rank of each new image among the calibration images and all the images before it is as likely to be one as
another, and independent of the ranks before (Vovk, Gammerman and Shafer 2005). A martingale of bets on these ranks starts at 1
and ever reaches 1 / level with a probability of at most `level` (Ville 1939), however long the stream and however few the
calibration images. Ranks are counted with the stream because plain p-values, which compare every image with the same
calibration images, share the chance deviations of those: a long stream would make a drift of them.
"""

from dataclasses import dataclass, field
from math import log

import numpy as np

from sablier.calibration import Calibration, levels_of, percent
from sablier.errors import ConfigError, ImagesError
from sablier.typing import Array

LEVEL = 0.01  # the chance that the alarm ever goes without a drift
CELLS = 200  # into which p-values are counted: half a percent each is fine enough, and the state stays small
STRANGE = 0.05  # the p-value up to which images are strange; they may be anomalies, so they say nothing of the others
TOLERATED, FLOOD = 0.25, 0.75  # shares of strange images: the one bet that looks at them is on FLOOD rather than TOLERATED
FLOOD_EVERY = 5  # images of which that bet looks at one, so that a dozen anomalies in a row win it little
SLANTS = np.array([-0.8, -0.4, -0.2, 0.2, 0.4, 0.8])  # of the bets on the other images: p-values too small, or too large
TOO_SMALL = np.array([True, *(SLANTS < 0)])  # which bets win on p-values that are too small: first the flood, then the slants
AT_ONCE = 256  # images whose ranks are found in one go


@dataclass
class DriftAlarm:
    """Watches p-values for a drift, in either direction, from any image of the stream on.

    A few anomalies do not set it off: one bet is that most images have a p-value of at most 5 %, and loses where fewer than
    half have; the others are on the order of the images above. The bets share the stake, each begun anew with a little of it
    at each image so that a late drift is found too. The alarm has done its work when it has won, and stays.

    Args:
        masses: how many images, of calibration and of the stream so far, fell in each cell of p-values, smallest first;
            one more in the first, for an image stranger than all. A calibration group counts once, shared among its images.
        calibration_count: the number of calibration groups; p-values are rounded up to multiples of 1 / (calibration_count + 1).
        level: the chance that the alarm ever goes, if the stream is like the calibration images.
        stakes: what each bet holds at present.
        count: the number of p-values seen.
        evidence: the largest value of the test martingale so far, which starts at 1.
        too_small: whether p-values that are too small brought that, rather than too large ones.

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
        """Return the alarm for p-values of a calibration.

        With cross-conformal folds the guarantee holds about, as that of their p-values does.

        Raises:
            ConfigError: for a level outside (0, 1).
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
        """Whether the stream has been found unlike the calibration images; it stays so."""
        return self.evidence >= 1 / self.level

    def update(self, p_values: Array) -> None:
        """Take the p-values of the next images, in their order; how they are cut into calls makes no difference.

        The guarantee is for images that are independent of each other: of a burst only one may be given.

        Raises:
            ImagesError: for what is no p-value.
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
        """Return what the alarm sees, in a sentence or two."""
        odds = f"{self.evidence:,.0f} to 1" if self.alarmed else f"{self.evidence:.2g} to 1"
        if not self.alarmed:
            return (
                f"No sign of drift in {self.count:,} images (evidence {odds}; the alarm goes at {1 / self.level:,.0f}, "
                f"with a chance of {percent(self.level)} where nothing drifts)."
            )
        if self.too_small:
            seen, means = "too small", "If they are good images, too many will be flagged"
        else:
            seen, means = "too large", "They look more normal than normal, so bad ones may pass"
        return (
            f"Drift: by image {self.count:,}, p-values of the last images are {seen} for images like those calibrated on "
            f"(evidence {odds}). {means}: recalibrate with `sablier calibrate` on good images of today."
        )

    def _cells(self, levels: Array) -> Array:
        """Return the cell of each multiple, from 1 on, of the smallest p-value."""
        return np.asarray((levels - 1) * min(CELLS, self.calibration_count + 1) // (self.calibration_count + 1))

    def _factors(self, cells: Array) -> Array:
        """Return B,K: by how much each image of a block, given those before it, multiplies the stake of each bet.

        The mean of each factor over the cells, weighted with their masses, is at most 1: that makes the odds fair.
        """
        rows, first = np.arange(len(cells)), int(STRANGE * len(self.masses))
        fell = np.zeros((len(cells), len(self.masses)), np.int64)
        fell[rows, cells] = 1
        masses = self.masses + np.cumsum(fell, axis=0) - fell
        is_strange = cells < first
        expected = np.maximum(masses[:, :first].sum(axis=1) / masses.sum(axis=1), TOLERATED)
        flood = np.where(is_strange, FLOOD / expected, (1 - FLOOD) / (1 - expected))
        looked_at = ((self.count + rows) % FLOOD_EVERY == 0) & (expected < FLOOD)
        # The middle of a cell, from 0 to 1 among the others: bets linear in it are as fair as bets on an exact rank.
        ends = np.cumsum(masses[:, first:], axis=1)
        middles = (ends[rows, np.maximum(cells - first, 0)] - masses[rows, cells] / 2) / ends[:, -1]
        slanted = np.where(is_strange[:, None], 1.0, 1 + SLANTS * (2 * middles[:, None] - 1))
        return np.column_stack([np.where(looked_at, flood, 1.0), slanted])

    def _settle(self, factors: Array) -> None:
        """Begin each bet with its share of what is staked at this image, and let all of them win or lose."""
        begun = (_kept_back(self.count) - _kept_back(self.count + 1)) / len(factors)
        self.stakes = (self.stakes + begun) * factors
        self.count += 1
        evidence = float(self.stakes.sum()) + _kept_back(self.count)
        if evidence > self.evidence:
            self.evidence = evidence
            self.too_small = bool(self.stakes[TOO_SMALL].sum() >= self.stakes[~TOO_SMALL].sum())


def _kept_back(count: int) -> float:
    """Return the share of the stake not yet bet after `count` images: it falls so slowly that late bets are worth having."""
    return 1 / (1 + log(1 + count))
