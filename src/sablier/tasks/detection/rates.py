"""False-alarm rates and miss rates as shares of images, at one or several values of alpha."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sablier.calibration import Calibration
from sablier.metrics import rate_interval
from sablier.typing import Array

ALPHAS = (0.01, 0.02, 0.05, 0.1)


@dataclass(frozen=True)
class Rate:
    """A share of images with its exact 95 % interval."""

    hits: int
    count: int

    @property
    def value(self) -> float:
        """The share."""
        return self.hits / self.count

    @property
    def interval(self) -> tuple[float, float]:
        """The exact 95 % interval (Clopper and Pearson 1934)."""
        return rate_interval(self.hits, self.count)


@dataclass(frozen=True)
class AlphaRow:
    """What alpha costs and finds.

    Args:
        alpha: the false-alarm rate that is asked for.
        decided: whether enough images calibrate for a verdict at it.
        false_alarms: the share of good images that are flagged.
        missed: the share of bad images that are not.
    """

    alpha: float
    decided: bool
    false_alarms: Rate
    missed: Rate

    def to_json(self) -> dict[str, Any]:
        """Return the rates; None without a verdict."""
        rates = {"false_alarm_rate": self.false_alarms, "miss_rate": self.missed}
        return {
            "alpha": self.alpha,
            **{name: rate.value if self.decided else None for name, rate in rates.items()},
        }


def rates_by_alpha(good: Array, bad: Array, calibration: Calibration, alpha: float) -> tuple[AlphaRow, ...]:
    """Return the rates at 1, 2, 5 and 10 %, and at `alpha`.

    Args:
        good, bad: the p-values of good and of bad images.
        calibration: what they are of.
        alpha: the false-alarm rate of the evaluation.
    """
    rows = []
    for each in sorted({*ALPHAS, alpha}):
        decided = calibration.decides(each)
        flagged, missed = (int(np.sum(good <= each)), int(np.sum(bad > each))) if decided else (0, len(bad))
        rows.append(AlphaRow(each, decided, Rate(flagged, len(good)), Rate(missed, len(bad))))
    return tuple(rows)
