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

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from scipy.special import betaincinv

from sablier.errors import ConfigError, ImagesError, TooFewImages
from sablier.typing import Array

ROWS_AT_ONCE = 1024  # of the differences that `margins` takes, which fill a row per calibration image
ROUNDING = 1e-9  # of a number of groups: what sums of shares are off by at most, and a p-value is not decided by
NORMAL, ANOMALY, UNDETERMINED = "normal", "anomaly", "undetermined"


@dataclass(frozen=True)
class Calibration:
    """Scores of normal images the model never saw: one array of a split, or one per fold.

    Args:
        folds: the scores; higher is worse.
        sizes: of each fold, for each image, how many images of the fold its group has; None where each is by itself. No group
            is in two folds.
        given_sizes: the same by the groups that a person gave, where others were found besides; None for single images.
        found: whether some groups were found rather than given: then both views count.

    >>> calibration = Calibration((np.arange(99.0),))
    >>> calibration.p_values(np.array([[98.5], [49.5]])).tolist()
    [0.01, 0.5]
    >>> calibration.threshold(0.05)
    94.0
    >>> Calibration((np.arange(99.0),), (np.full(99, 3),)).p_values(np.array([[98.5], [95.5]])).round(4).tolist()
    [0.0294, 0.0588]
    """

    folds: tuple[Array, ...]
    sizes: tuple[Array, ...] | None = None
    given_sizes: tuple[Array, ...] | None = None
    found: bool = False

    def __post_init__(self) -> None:
        folds = tuple(np.asarray(fold, np.float64) for fold in self.folds)
        if not folds or min(map(len, folds)) < 1:
            raise TooFewImages("expected at least one calibration score in every fold, got none.")
        if not all(np.isfinite(fold).all() for fold in folds):
            raise ImagesError("expected finite calibration scores, got NaN or infinity.")
        orders = [np.argsort(fold, kind="stable") for fold in folds]
        object.__setattr__(self, "folds", tuple(fold[order] for fold, order in zip(folds, orders, strict=True)))
        for name in ("sizes", "given_sizes"):
            sizes = getattr(self, name)
            if sizes is not None:
                object.__setattr__(self, name, _checked_sizes(sizes, orders))

    def tensors(self) -> dict[str, Array]:
        """Return the arrays that a model file keeps, by name."""
        of_each = {"": self.folds, "/sizes": self.sizes, "/given_sizes": self.given_sizes}
        return {f"{k}{what}": fold for what, folds in of_each.items() for k, fold in enumerate(folds or ())}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Array], folds: int, found: bool) -> "Calibration":
        """Return the calibration that `tensors` gave.

        Raises:
            KeyError, ImagesError: where they are not those of a calibration of so many folds.
        """

        def of_each(what: str) -> tuple[Array, ...] | None:
            return tuple(tensors[f"{k}{what}"] for k in range(folds)) if f"0{what}" in tensors else None

        return cls(tuple(tensors[f"{k}"] for k in range(folds)), of_each("/sizes"), of_each("/given_sizes"), found)

    @property
    def count(self) -> int:
        """The number of normal images behind the promise."""
        return sum(map(len, self.folds))

    @property
    def groups(self) -> int:
        """The number of groups behind the promise, of which each counts once; that of the images where there are none."""
        return self.count if self.sizes is None else _number_of_groups(self.sizes)

    @property
    def crossed(self) -> bool:
        """Whether the scores come from cross-conformal folds rather than from one held-out split."""
        return len(self.folds) > 1

    @property
    def views(self) -> tuple[tuple[tuple[Array, ...], int], ...]:
        """The ways to count: of each fold the weight of each image, and the number of groups."""
        of_sizes = [self.sizes, self.given_sizes] if self.found else [self.sizes]
        return tuple(self._view(sizes) for sizes in of_sizes)

    def _view(self, sizes: tuple[Array, ...] | None) -> tuple[tuple[Array, ...], int]:
        if sizes is None:
            return tuple(np.ones(len(fold)) for fold in self.folds), self.count
        return tuple(1 / of_fold for of_fold in sizes), _number_of_groups(sizes)

    def p_values(self, scores: Array) -> Array:
        """Return the p-value of each image.

        Args:
            scores: N,K scores, one column per fold; higher is worse.
        """
        scores = np.asarray(scores, np.float64)
        if scores.ndim != 2 or scores.shape[1] != len(self.folds):
            raise ImagesError(f"expected scores of shape N,{len(self.folds)}, got {scores.shape}.")
        places = [np.searchsorted(fold, scores[:, k], side="left") for k, fold in enumerate(self.folds)]
        found = []
        for weights, groups in self.views:
            at_least = [_from_the_top(weight)[place] for weight, place in zip(weights, places, strict=True)]
            found.append((1 + _exact(np.sum(at_least, axis=0))) / (groups + 1))
        return np.asarray(np.max(found, axis=0))

    def levels(self, p_values: Array) -> Array:
        """Return each p-value, rounded up, as a multiple, from 1 to m + 1, of the smallest there is."""
        return levels_of(p_values, self.groups)

    def level_counts(self, p_values: Array) -> Array:
        """Return how many images have each of the m + 1 p-values there are, smallest first, others rounded up to the next.

        >>> Calibration((np.arange(3.0),)).level_counts(np.array([0.25, 1.0, 0.25, 0.26]))
        array([2, 1, 0, 1])
        """
        return np.bincount(self.levels(p_values) - 1, minlength=self.groups + 1)

    def decides(self, alpha: float) -> bool:
        """Whether there are enough calibration groups for a verdict at false-alarm rate `alpha`."""
        return checked_alpha(alpha) >= 1 / (self.groups + 1)

    def verdicts(self, p_values: Array, alpha: float) -> Array:
        """Return "anomaly" where p <= alpha, else "normal"; all "undetermined" where too few groups calibrate."""
        return verdicts_at(p_values, alpha, self.decides(alpha))

    def threshold(self, alpha: float) -> float:
        """Return the score above which an image is an anomaly; infinite where too few groups calibrate.

        For cross-conformal folds this is the threshold on the pooled scores, for drawing: verdicts come from
        p-values, whose folds each have a threshold of their own.
        """
        pooled = np.concatenate(self.folds)
        return float(self._deciding(alpha, pooled[None])[0])

    def margins(self, scores: Array, alpha: float) -> Array:
        """Return by how much each image misses the verdict "anomaly": negative where p <= alpha, infinite where none can be.

        An image is flagged when the calibration scores that reach its own weigh little enough, so what decides is one of the
        differences between each fold's scores and the image's score by that fold's model: the largest from which on upwards
        they weigh too much.

        Args:
            scores: N,K scores, one column per fold; higher is worse.
        """
        if not self.crossed:
            return np.asarray(self.threshold(alpha) - scores[:, 0])
        margins = [np.empty(0)]
        for start in range(0, len(scores), ROWS_AT_ONCE):
            rows = scores[start : start + ROWS_AT_ONCE]
            differences = np.concatenate([fold - rows[:, k : k + 1] for k, fold in enumerate(self.folds)], axis=1)
            margins.append(self._deciding(alpha, differences))
        return np.concatenate(margins)

    def _deciding(self, alpha: float, values: Array) -> Array:
        """Return N: of N,n values of the calibration images, the largest from which on up they weigh more than alpha allows."""
        order = np.argsort(-values, axis=1, kind="stable")
        found = np.full(len(values), -np.inf)
        for weights, groups in self.views:
            allowed = largest_weight(alpha, groups)
            if allowed < 0:
                return np.full(len(values), np.inf)
            reached = np.cumsum(np.concatenate(weights)[order], axis=1) > allowed + ROUNDING
            first = np.argmax(reached, axis=1)
            deciding = values[np.arange(len(values)), order[np.arange(len(values)), first]]
            found = np.maximum(found, np.where(reached.any(axis=1), deciding, -np.inf))
        return found

    def discovery_promise(self, fdr: float, images: int) -> str:
        """Return the promise of flags chosen among `images` at false-discovery rate `fdr`, and what it takes to flag one."""
        share, lone = percent(checked_fdr(fdr)), images_needed(fdr / max(images, 1))
        what = self.what_counts
        if not self.decides(fdr):
            return (
                f"No verdict at a false-discovery rate of {share}: {self.size} calibrate, it would take "
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
                "images are like those it was calibrated on and independent of each other."
            )
        fewest = ceil(images / (fdr * (self.groups + 1)) - 1e-9)
        if fewest <= 1:
            return promise
        return (
            f"{promise} With these {self.groups:,} calibration {what}, fewer than {fewest:,} anomalies among {images:,} images "
            f"cannot be told from chance; to flag a lone one it would take {lone:,} calibration {what}."
        )

    def band(self, alpha: float, level: float = 0.9) -> tuple[float, float]:
        """Return the interval that holds the realised false-alarm rate with probability `level`.

        The rate a user gets depends on which groups calibrated: with a split of single images it follows Beta(k, m + 1 - k),
        k = floor((m + 1) alpha). For folds, and for groups of several images, the same formula is the practical expectation,
        not a guarantee.
        """
        rank = largest_rank(alpha, self.groups)
        if rank < 1:
            return 0.0, 0.0
        low, high = (float(betaincinv(rank, self.groups + 1 - rank, (1 + side * level) / 2)) for side in (-1, 1))
        return low, high

    def bound(self, alpha: float) -> float:
        """Return the false-alarm rate that is proved: alpha for a split, more for cross-conformal folds; on average.

        The mean of p-values doubles at most (Vovk and Wang 2020), which for F folds of m groups gives
        2 alpha + 2 (F - 1) / (m + F); for equal folds of single images 2 alpha + (1 - F / m) / (F + 1) holds as well (Barber,
        Candes, Ramdas and Tibshirani 2021).

        >>> Calibration((np.arange(20.0), np.arange(20.0))).bound(0.05)
        0.14761904761904762
        """
        if not self.crossed:
            return checked_alpha(alpha)
        folds, groups = len(self.folds), self.groups
        excess = 2 * (folds - 1) / (groups + folds)
        if self.groups == self.count and len(set(map(len, self.folds))) == 1:
            excess = min(excess, (1 - folds / groups) / (folds + 1))
        return min(1.0, 2 * checked_alpha(alpha) + excess)

    @property
    def what_counts(self) -> str:
        """What the promise counts: "images", or "groups" where some images are not independent."""
        return "images" if self.groups == self.count else "groups"

    @property
    def size(self) -> str:
        """How many calibrate, in words: "99 images", or "300 images in 62 groups"."""
        images = f"{self.count:,} image{'' if self.count == 1 else 's'}"
        groups = f"{self.groups:,} group{'' if self.groups == 1 else 's'}"
        return images if self.groups == self.count else f"{images} in {groups}"

    def promise(self, alpha: float) -> str:
        """Return the promise at `alpha` in plain words, with its band."""
        what = self.what_counts
        if not self.decides(alpha):
            needed = images_needed(alpha)
            return (
                f"No verdict at a false-alarm rate of {percent(alpha)}: {self.size} calibrate, it would take {needed}"
                f"{' groups' if what == 'groups' else ''}. "
                f"Scores and p-values are still written. Calibrate with more good images, or choose a larger alpha."
            )
        low, high = self.band(alpha)
        about = " The rate is a mean over groups, not over all images of one." if what == "groups" else ""
        if self.crossed:
            return (
                f"About {percent(alpha)} of good images will be flagged in practice; proved is at most "
                f"{percent(self.bound(alpha))} on average "
                f"(cross-conformal, {len(self.folds)} folds, {self.size}). With so few {what} the rate you get is likely "
                f"between {percent(low)} and {percent(high)}.{about}"
            )
        return (
            f"At most {percent(alpha)} of good images like those it was calibrated on will be flagged, on average over "
            f"calibrations. With these {self.groups:,} calibration {what} the rate lies between {percent(low)} and "
            f"{percent(high)} (90% band).{about}"
        )


def _checked_sizes(sizes: tuple[Array, ...], orders: list[Array]) -> tuple[Array, ...]:
    """Return sizes of groups in the order of the scores; raise ImagesError for what cannot be sizes of whole groups."""
    arrays = [np.asarray(of_fold, np.int64) for of_fold in sizes]
    fitting = len(arrays) == len(orders) and all(map(lambda a, o: a.shape == o.shape, arrays, orders))
    if not fitting or any(of_fold.min() < 1 or _remainders(of_fold).any() for of_fold in arrays):
        raise ImagesError("expected for each calibration score how many images its group has, in whole groups, got other sizes.")
    return tuple(of_fold[order] for of_fold, order in zip(arrays, orders, strict=True))


def _remainders(sizes: Array) -> Array:
    different, counts = np.unique(sizes, return_counts=True)
    return np.asarray(counts % different)


def _number_of_groups(sizes: tuple[Array, ...]) -> int:
    return sum(round(float((1 / of_fold).sum())) for of_fold in sizes)


def _from_the_top(weights: Array) -> Array:
    """Return n + 1: the weight of all scores from each place on upwards, of n weights in the order of the scores."""
    return np.append(np.cumsum(weights[::-1])[::-1], 0.0)


def _exact(sums: Array) -> Array:
    """Return sums of shares of groups without what rounding adds to whole numbers or takes from them."""
    whole = np.rint(sums)
    return np.where(np.abs(sums - whole) < ROUNDING, whole, sums)


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


def largest_weight(alpha: float, groups: int) -> float:
    """Return what calibration scores that reach an image's own may weigh, in groups, for a p-value of at most `alpha`.

    Negative where no p-value is so small.

    >>> largest_weight(0.05, 99), largest_weight(0.05, 18) < 0
    (4.0, True)
    """
    weight = checked_alpha(alpha) * (groups + 1) - 1
    whole = largest_rank(alpha, groups) - 1
    return float(whole) if abs(weight - round(weight)) < ROUNDING else weight


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
