"""Conformal calibration: from the scores of normal images to p-values, verdicts and a promise that can be checked.

The scores of `n` normal images that the model never trained on turn a new score `s` into the p-value
`(1 + number of calibration scores >= s) / (n + 1)`. If a new image is normal, the chance of a p-value at or
below alpha is at most alpha, whatever the model and the images (Vovk, Gammerman and Shafer 2005; Bates, Candes,
Lei, Romano and Sesia 2023). With tens of images, several models are trained, each on all images but one fold, and
every image is scored by the model that did not see it (cross-conformal, Vovk 2015): then the worst case is 2 alpha,
and about alpha in practice.

Flags can be chosen for the whole batch instead, so that among them the share of good images is bounded: the procedure of
Benjamini and Hochberg (1995), which holds for conformal p-values (Bates et al. 2023). These take n + 1 values only, so that
counting how many images have each is enough.
"""

from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from sablier.errors import ConfigError, ImagesError, TooFewImages

Array = NDArray[Any]

ROWS_AT_ONCE = 4096  # of the differences that `margins` takes, which fill a row per calibration image
NORMAL, ANOMALY, UNDETERMINED = "normal", "anomaly", "undetermined"


@dataclass(frozen=True)
class Calibration:
    """Scores of normal images the model never saw: one array of a split, or one per fold.

    >>> calibration = Calibration((np.arange(99.0),))
    >>> calibration.p_values(np.array([[98.5], [49.5]])).tolist()
    [0.01, 0.5]
    >>> calibration.threshold(0.05)
    94.0
    """

    folds: tuple[Array, ...]

    def __post_init__(self) -> None:
        folds = tuple(np.sort(np.asarray(fold, np.float64)) for fold in self.folds)
        if not folds or min(map(len, folds)) < 1:
            raise TooFewImages("expected at least one calibration score in every fold, got none.")
        if not all(np.isfinite(fold).all() for fold in folds):
            raise ImagesError("expected finite calibration scores, got NaN or infinity.")
        object.__setattr__(self, "folds", folds)

    @property
    def count(self) -> int:
        """The number of normal images behind the promise."""
        return sum(map(len, self.folds))

    @property
    def crossed(self) -> bool:
        """Whether the scores come from cross-conformal folds rather than from one held-out split."""
        return len(self.folds) > 1

    def p_values(self, scores: Array) -> Array:
        """Return the p-value of each image.

        Args:
            scores: N,K scores, one column per fold; higher is worse.
        """
        scores = np.asarray(scores, np.float64)
        if scores.ndim != 2 or scores.shape[1] != len(self.folds):
            raise ImagesError(f"expected scores of shape N,{len(self.folds)}, got {scores.shape}.")
        at_least = sum(len(fold) - np.searchsorted(fold, scores[:, k], side="left") for k, fold in enumerate(self.folds))
        return np.asarray((1 + at_least) / (self.count + 1))

    def levels(self, p_values: Array) -> Array:
        """Return each p-value as a multiple, from 1 to n + 1, of the smallest there is."""
        return np.asarray(np.rint(np.asarray(p_values) * (self.count + 1)), np.int64)

    def level_counts(self, p_values: Array) -> Array:
        """Return how many images have each of the n + 1 p-values there are, smallest first.

        >>> Calibration((np.arange(3.0),)).level_counts(np.array([0.25, 1.0, 0.25]))
        array([2, 0, 0, 1])
        """
        return np.bincount(self.levels(p_values) - 1, minlength=self.count + 1)

    def decides(self, alpha: float) -> bool:
        """Whether there are enough calibration images for a verdict at false-alarm rate `alpha`."""
        return checked_alpha(alpha) >= 1 / (self.count + 1)

    def verdicts(self, p_values: Array, alpha: float) -> Array:
        """Return "anomaly" where p <= alpha, else "normal"; all "undetermined" where too few images calibrate."""
        return verdicts_at(p_values, alpha, self.decides(alpha))

    def threshold(self, alpha: float) -> float:
        """Return the score above which an image is an anomaly; infinite where too few images calibrate.

        For cross-conformal folds this is the threshold on the pooled scores, for drawing: verdicts come from
        p-values, whose folds each have a threshold of their own.
        """
        pooled = np.sort(np.concatenate(self.folds))
        rank = largest_rank(alpha, self.count)
        return float(pooled[self.count - rank]) if rank >= 1 else float("inf")

    def margins(self, scores: Array, alpha: float) -> Array:
        """Return by how much each image misses the verdict "anomaly": negative where p <= alpha, infinite where none can be.

        An image is flagged when fewer than `rank` calibration scores reach its own, so what decides is the rank-th
        largest of the differences between each fold's scores and the image's score by that fold's model.

        Args:
            scores: N,K scores, one column per fold; higher is worse.
        """
        rank = largest_rank(alpha, self.count)
        if rank < 1:
            return np.full(len(scores), np.inf)
        if not self.crossed:
            return np.asarray(self.folds[0][self.count - rank] - scores[:, 0])
        margins = [np.empty(0)]
        for start in range(0, len(scores), ROWS_AT_ONCE):
            rows = scores[start : start + ROWS_AT_ONCE]
            differences = np.concatenate([fold - rows[:, k : k + 1] for k, fold in enumerate(self.folds)], axis=1)
            margins.append(np.partition(differences, self.count - rank, axis=1)[:, self.count - rank])
        return np.concatenate(margins)

    def discovery_promise(self, fdr: float, images: int) -> str:
        """Return the promise of flags chosen among `images` at false-discovery rate `fdr`, and what it takes to flag one."""
        share, lone = percent(checked_fdr(fdr)), images_needed(fdr / max(images, 1))
        if not self.decides(fdr):
            return (
                f"No verdict at a false-discovery rate of {share}: {self.count} images calibrate, it would take "
                f"{images_needed(fdr)}, and {lone:,} to flag a lone anomaly among {images:,} images. Scores and p-values are "
                "still written."
            )
        if self.crossed:
            promise = (
                f"Of the images flagged, about {share} at most are good ones, on average over batches and calibrations; for "
                "cross-conformal folds no proof covers this, and fresh good images given to `sablier calibrate` bring it."
            )
        else:
            promise = (
                f"Of the images flagged, at most {share} are good ones, on average over batches and calibrations, if good "
                "images are like those it was calibrated on."
            )
        fewest = ceil(images / (fdr * (self.count + 1)) - 1e-9)
        if fewest <= 1:
            return promise
        return (
            f"{promise} With these {self.count:,} calibration images, fewer than {fewest:,} anomalies among {images:,} images "
            f"cannot be told from chance; to flag a lone one it would take {lone:,} calibration images."
        )

    def band(self, alpha: float, level: float = 0.9) -> tuple[float, float]:
        """Return the interval that holds the realised false-alarm rate with probability `level`.

        The rate a user gets depends on which images calibrated: with a split it follows Beta(k, n + 1 - k),
        k = floor((n + 1) alpha). For folds the same formula is the practical expectation, not a guarantee.
        """
        rank = largest_rank(alpha, self.count)
        if rank < 1:
            return 0.0, 0.0
        low, high = (float(betaincinv(rank, self.count + 1 - rank, (1 + side * level) / 2)) for side in (-1, 1))
        return low, high

    def promise(self, alpha: float) -> str:
        """Return the promise at `alpha` in plain words, with its band."""
        if not self.decides(alpha):
            needed = images_needed(alpha)
            return (
                f"No verdict at a false-alarm rate of {percent(alpha)}: {self.count} images calibrate, it would take {needed}. "
                "Scores and p-values are still written. Calibrate with more good images, or choose a larger alpha."
            )
        low, high = self.band(alpha)
        if self.crossed:
            return (
                f"About {percent(alpha)} of good images will be flagged, and never more than {percent(2 * alpha)} in expectation "
                f"(cross-conformal, {len(self.folds)} folds, {self.count} images). With so few images the rate you get is likely "
                f"between {percent(low)} and {percent(high)}."
            )
        return (
            f"At most {percent(alpha)} of good images like those it was calibrated on will be flagged, on average over "
            f"calibrations. With these {self.count} calibration images the rate lies between {percent(low)} and "
            f"{percent(high)} (90% band)."
        )


def verdicts_at(p_values: Array, cut: float, decided: bool = True) -> Array:
    """Return "anomaly" where p <= cut, else "normal"; all "undetermined" where nothing can be decided."""
    if not decided:
        return np.full(len(p_values), UNDETERMINED)
    return np.where(np.asarray(p_values) <= cut, ANOMALY, NORMAL)


def percent(share: float) -> str:
    """Return a share as a percentage without needless digits.

    >>> percent(0.05), percent(0.0312), percent(0.0004)
    ('5%', '3.1%', '0.04%')
    """
    value = 100 * share
    return f"{value:.2g}%" if value < 1 else f"{round(value, 1):g}%"


def checked_alpha(alpha: float) -> float:
    """Return `alpha` if it is a false-alarm rate.

    Raises:
        ConfigError: outside (0, 1).
    """
    if not 0 < alpha < 1:
        raise ConfigError(f"expected a false-alarm rate alpha between 0 and 1, such as 0.05, got {alpha}.")
    return float(alpha)


def checked_fdr(fdr: float) -> float:
    """Return `fdr` if it is a false-discovery rate.

    Raises:
        ConfigError: outside (0, 1).
    """
    if not 0 < fdr < 1:
        raise ConfigError(f"expected a false-discovery rate fdr between 0 and 1, such as 0.1, got {fdr}.")
    return float(fdr)


def discovery_cut(level_counts: Array, fdr: float) -> float:
    """Return the p-value at or below which Benjamini and Hochberg (1995) flag a batch; 0 where they flag nothing.

    It is the largest p-value p that occurs for which fdr * (the share of images with a p-value of at most p) >= p.

    Args:
        level_counts: how many images of the batch have each p-value, as `Calibration.level_counts` gives, summed over chunks.
        fdr: the share of good images among the flagged that is allowed on average.

    >>> discovery_cut(np.array([2, 2, 0, 0, 0, 0, 0, 0, 0, 6]), 0.5)
    0.2
    >>> discovery_cut(np.array([1, 0, 0, 0, 0, 0, 0, 0, 0, 9]), 0.5)  # a lone one, and too few calibrate
    0.0
    """
    p_values = np.arange(1, len(level_counts) + 1) / len(level_counts)
    at_most = np.cumsum(level_counts)
    adjusted = p_values * (at_most[-1] / np.maximum(at_most, 1))
    flagged = np.flatnonzero((adjusted <= checked_fdr(fdr)) & (level_counts > 0))
    return float(p_values[flagged[-1]]) if len(flagged) else 0.0


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
