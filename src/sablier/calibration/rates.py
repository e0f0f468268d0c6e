"""Numbers of groups and rates: how small a p-value can be, what a verdict takes, and how false alarms spread."""

from math import ceil, floor

import numpy as np

from sablier.errors import ConfigError
from sablier.typing import Array

ROUNDING = 1e-9  # of a number of groups: what sums of shares are off by at most, and a p-value is not decided by
NORMAL, ANOMALY, UNDETERMINED = "normal", "anomaly", "undetermined"


def checked_alpha(alpha: float) -> float:
    """Return `alpha` if it is a false-alarm rate.

    Raises:
        ConfigError: outside (0, 1).
    """
    if not 0 < alpha < 1:
        raise ConfigError(f"expected a false-alarm rate alpha between 0 and 1, such as 0.05, got {alpha}.")
    return float(alpha)


def images_needed(alpha: float) -> int:
    """Return how many calibration images a verdict at `alpha` takes.

    >>> images_needed(0.01), images_needed(0.05)
    (99, 19)
    """
    enough = max(1, ceil(1 / checked_alpha(alpha) - 1e-9) - 1)
    return enough if 1 / (enough + 1) <= alpha else enough + 1


def largest_rank(alpha: float, count: int) -> int:
    """Return the largest k for which k / (count + 1), a p-value after `count` calibration images, is at most `alpha`.

    >>> largest_rank(0.05, 99), largest_rank(0.05, 18)
    (5, 0)
    """
    rank = floor(checked_alpha(alpha) * (count + 1) + 1e-9)
    return rank if rank / (count + 1) <= alpha else rank - 1


def largest_weight(alpha: float, groups: int) -> float:
    """Return what calibration scores that reach an image's own may weigh, in groups, for a p-value of at most `alpha`.

    Negative where no p-value is so small.

    >>> largest_weight(0.05, 99), largest_weight(0.05, 18) < 0
    (4.0, True)
    """
    weight = checked_alpha(alpha) * (groups + 1) - 1
    whole = largest_rank(alpha, groups) - 1
    return float(whole) if abs(weight - round(weight)) < ROUNDING else weight


def levels_of(p_values: Array, groups: int) -> Array:
    """Return p-values, rounded up, as multiples, from 1 on, of the smallest there is after `groups` calibration groups.

    >>> levels_of(np.array([0.25, 0.2501, 1.0]), 3)
    array([1, 2, 4])
    """
    return np.asarray(np.ceil(np.asarray(p_values) * (groups + 1) - ROUNDING), np.int64)


def verdicts_at(p_values: Array, cut: float, decided: bool = True) -> Array:
    """Return "anomaly" where p <= cut, else "normal"; all "undetermined" where nothing can be decided."""
    if not decided:
        return np.full(len(p_values), UNDETERMINED)
    return np.where(np.asarray(p_values) <= cut, ANOMALY, NORMAL)


def simultaneous_band(alpha: float, calibration: int, tests: int, splits: int, level: float = 0.99) -> tuple[int, int]:
    """Return the counts of false alarms that `splits` independent experiments all stay within with probability `level`.

    Both numbers of images are finite, so the count among `tests` normal images is beta-binomial; the level of each
    experiment is raised until all of them together reach `level` (Sidak).
    """
    from scipy.stats import betabinom  # takes longer to import than ten thousand digits to score

    rank = largest_rank(alpha, calibration)
    if rank < 1:
        return 0, 0
    distribution = betabinom(tests, rank, calibration + 1 - rank)
    each = level ** (1 / splits)
    return int(distribution.ppf((1 - each) / 2)), int(distribution.ppf((1 + each) / 2))


def percent(share: float) -> str:
    """Return a share as a percentage without needless digits.

    >>> percent(0.05), percent(0.0312), percent(0.0004)
    ('5%', '3.1%', '0.04%')
    """
    value = 100 * share
    return f"{value:.2g}%" if value < 1 else f"{round(value, 1):g}%"
