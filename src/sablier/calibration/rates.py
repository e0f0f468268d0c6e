"""Ranks and rates: the smallest possible p-value, the images that a verdict needs, and the spread of false-alarm rates."""

from math import ceil, floor

import numpy as np

from sablier.errors import ConfigError
from sablier.typing import Array

ROUNDING = 1e-9  # groups: the rounding error of sums of shares, which must not decide a p-value
NORMAL, ANOMALY, UNDETERMINED = "normal", "anomaly", "undetermined"
REJECT, REVIEW, PASS = "reject", "review", "pass"  # verdicts of a triage
FLAGGING = (ANOMALY, REJECT, REVIEW)


def checked_alpha(alpha: float) -> float:
    """Return `alpha`, checked.

    Raises:
        ConfigError: if it is not between 0 and 1.
    """
    if not 0 < alpha < 1:
        raise ConfigError(f"expected a false-alarm rate alpha between 0 and 1, such as 0.05, got {alpha}.")
    return float(alpha)


def images_needed(alpha: float) -> int:
    """Return how many calibration images a verdict at `alpha` needs.

    >>> images_needed(0.01), images_needed(0.05)
    (99, 19)
    """
    enough = max(1, ceil(1 / checked_alpha(alpha) - 1e-9) - 1)
    return enough if 1 / (enough + 1) <= alpha else enough + 1


def largest_rank(alpha: float, count: int) -> int:
    """Return the largest k with k / (count + 1) <= alpha: the rank of the threshold among `count` calibration images.

    >>> largest_rank(0.05, 99), largest_rank(0.05, 18)
    (5, 0)
    """
    rank = floor(checked_alpha(alpha) * (count + 1) + 1e-9)
    return rank if rank / (count + 1) <= alpha else rank - 1


def largest_weight(alpha: float, groups: int) -> float:
    """Return the largest total weight, in groups, of calibration scores >= s for which the p-value of s is at most `alpha`.

    Negative if no p-value can be that small.

    >>> largest_weight(0.05, 99), largest_weight(0.05, 18) < 0
    (4.0, True)
    """
    weight = checked_alpha(alpha) * (groups + 1) - 1
    whole = largest_rank(alpha, groups) - 1
    return float(whole) if abs(weight - round(weight)) < ROUNDING else weight


def levels_of(p_values: Array, groups: int) -> Array:
    """Return p-values as multiples of the smallest one after `groups` calibration groups, rounded up, from 1.

    >>> levels_of(np.array([0.25, 0.2501, 1.0]), 3)
    array([1, 2, 4])
    """
    return np.asarray(np.ceil(np.asarray(p_values) * (groups + 1) - ROUNDING), np.int64)


def verdicts_at(p_values: Array, cut: float, decided: bool = True, reject: float | None = None) -> Array:
    """Return "anomaly" if p <= cut, else "normal"; all "undetermined" if nothing can be decided.

    With `reject`, a smaller cut, return "reject" if p <= reject, "review" if p <= cut, else "pass".

    >>> verdicts_at(np.array([0.01, 0.03, 0.5]), 0.05, reject=0.01).tolist()
    ['reject', 'review', 'pass']
    """
    values = np.asarray(p_values)
    if not decided:
        return np.full(len(values), UNDETERMINED)
    if reject is None:
        return np.where(values <= cut, ANOMALY, NORMAL)
    return np.where(values <= reject, REJECT, np.where(values <= cut, REVIEW, PASS))


def is_flagged(verdicts: Array) -> Array:
    """Return N booleans: whether each verdict flags its image."""
    return np.isin(verdicts, FLAGGING)


def simultaneous_band(alpha: float, calibration: int, tests: int, splits: int, level: float = 0.99) -> tuple[int, int]:
    """Return bounds that the false alarms of `splits` independent experiments all keep with probability `level`.

    The numbers of images are finite, so the count among `tests` normal images is beta-binomial. The level of each experiment
    is raised so that all together reach `level` (Sidak 1967).
    """
    from scipy.stats import betabinom  # slow to import

    rank = largest_rank(alpha, calibration)
    if rank < 1:
        return 0, 0
    distribution = betabinom(tests, rank, calibration + 1 - rank)
    each = level ** (1 / splits)
    return int(distribution.ppf((1 - each) / 2)), int(distribution.ppf((1 + each) / 2))


def percent(share: float) -> str:
    """Return a share as a percentage with few digits.

    >>> percent(0.05), percent(0.0312), percent(0.0004)
    ('5%', '3.1%', '0.04%')
    """
    value = 100 * share
    return f"{value:.2g}%" if value < 1 else f"{round(value, 1):g}%"
