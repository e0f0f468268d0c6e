"""Scores of normal images, and all that follows from them: p-values, verdicts, thresholds and promises."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy.special import betaincinv

from sablier.calibration.discoveries import checked_fdr
from sablier.calibration.rates import (
    ROUNDING,
    checked_alpha,
    images_needed,
    largest_rank,
    largest_weight,
    levels_of,
    percent,
    verdicts_at,
)
from sablier.errors import ImagesError, TooFewImages
from sablier.typing import Array

ROWS_AT_ONCE = 1024  # of the differences that `margins` takes, which fill a row per calibration image


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
