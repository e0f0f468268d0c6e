"""`Calibration`: the scores of normal images, and the p-values, verdicts, thresholds and guarantees that follow."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil

import numpy as np

from sablier.calibration.discoveries import checked_fdr
from sablier.calibration.group_sizes import checked_choice, checked_sizes, number_of_groups
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
from sablier.quantiles import beta_quantile
from sablier.typing import Array

ROWS_AT_ONCE = 1024  # rows of differences that `margins` computes at once; each is as long as there are calibration images


@dataclass(frozen=True)
class Calibration:
    """Conformal calibration: turns anomaly scores into p-values, verdicts and thresholds.

    With n calibration images, the p-value of a score s is (1 + number of calibration scores >= s) / (n + 1) (Vovk, Gammerman
    and Shafer 2005; Bates et al. 2023). A group of dependent images counts once (Lee, Barber and Willett 2023). Several
    folds are combined as in cross-conformal prediction (Vovk 2015).

    Args:
        folds: scores of normal images that did not train the model, one array per fold; higher is more anomalous. One array
            is a single held-out split. One empty array: no image calibrates, every p-value is 1, and no verdict is possible.
        sizes: of each fold, one array: how many images of the fold are in the group of each image. A group is in one fold
            only. None: each image is its own group.
        given_sizes: the same by the groups that the user gave, if others were found; None: by single images.
        found: whether some groups were found in the pixels. Then the larger of the p-values by both groupings counts.
        chosen: of each fold, one array of booleans: whether an image is the one that stands for its group, drawn at random;
            None: unknown, or each image is its own group.

    Raises:
        TooFewImages: if one of several folds is empty.
        ImagesError: if a score is not finite, or the sizes are not those of whole groups.

    Examples:
        >>> import numpy as np
        >>> from sablier import Calibration
        >>> calibration = Calibration((np.arange(99.0),))
        >>> calibration.p_values(np.array([[98.5], [49.5]])).tolist(), calibration.threshold(0.05)
        ([0.01, 0.5], 94.0)
        >>> grouped = Calibration((np.arange(99.0),), (np.full(99, 3),))
        >>> grouped.p_values(np.array([[98.5], [95.5]])).round(4).tolist()
        [0.0294, 0.0588]
    """

    folds: tuple[Array, ...]
    sizes: tuple[Array, ...] | None = None
    given_sizes: tuple[Array, ...] | None = None
    found: bool = False
    chosen: tuple[Array, ...] | None = None

    def __post_init__(self) -> None:
        folds = tuple(np.asarray(fold, np.float64) for fold in self.folds)
        if not folds or (len(folds) > 1 and min(map(len, folds)) < 1):
            raise TooFewImages("expected at least one calibration score in every fold, got none.")
        if not all(np.isfinite(fold).all() for fold in folds):
            raise ImagesError("expected finite calibration scores, got NaN or infinity.")
        orders = [np.argsort(fold, kind="stable") for fold in folds]
        object.__setattr__(self, "folds", tuple(fold[order] for fold, order in zip(folds, orders, strict=True)))
        for name in ("sizes", "given_sizes"):
            sizes = getattr(self, name)
            if sizes is not None:
                object.__setattr__(self, name, checked_sizes(sizes, orders))
        if self.chosen is not None:
            object.__setattr__(self, "chosen", checked_choice(self.chosen, self.sizes, orders))

    def tensors(self) -> dict[str, Array]:
        """Return the arrays that a model file keeps, by name."""
        of_each = {"": self.folds if self.count else (), "/sizes": self.sizes, "/given_sizes": self.given_sizes}
        of_each["/chosen"] = None if self.chosen is None else tuple(each.astype(np.uint8) for each in self.chosen)
        return {f"{k}{what}": fold for what, folds in of_each.items() for k, fold in enumerate(folds or ())}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Array], folds: int, found: bool) -> "Calibration":
        """Return the calibration that `tensors` returned; `folds` is their number, 0 if no image calibrates.

        Raises:
            KeyError: if an array is missing.
            ImagesError: if they are not those of a calibration with this number of folds.
        """

        def of_each(what: str) -> tuple[Array, ...] | None:
            return tuple(tensors[f"{k}{what}"] for k in range(folds)) if f"0{what}" in tensors else None

        if not folds:
            return cls((np.empty(0),))
        scores = tuple(tensors[f"{k}"] for k in range(folds))
        return cls(scores, of_each("/sizes"), of_each("/given_sizes"), found, of_each("/chosen"))

    @property
    def count(self) -> int:
        """The number of calibration images."""
        return sum(map(len, self.folds))

    @cached_property
    def groups(self) -> int:
        """The number of calibration groups; without groups, that of the images."""
        return self.count if self.sizes is None else number_of_groups(self.sizes)

    @property
    def crossed(self) -> bool:
        """Whether the scores come from cross-conformal folds and not from one held-out split."""
        return len(self.folds) > 1

    @cached_property
    def views(self) -> tuple[tuple[tuple[Array, ...], int], ...]:
        """The groupings that count: for each, the weights of the images of each fold, and the number of groups."""
        of_sizes = [self.sizes, self.given_sizes] if self.found else [self.sizes]
        return tuple(self._view(sizes) for sizes in of_sizes)

    def _view(self, sizes: tuple[Array, ...] | None) -> tuple[tuple[Array, ...], int]:
        if sizes is None:
            return tuple(np.ones(len(fold)) for fold in self.folds), self.count
        return tuple(1 / of_fold for of_fold in sizes), number_of_groups(sizes)

    @cached_property
    def _from_the_top(self) -> list[tuple[list[Array], int]]:
        """Like `views`, with n + 1 sums of weights of each fold: from each position in its n sorted scores to the end."""
        return [([np.append(np.cumsum(own[::-1])[::-1], 0.0) for own in weights], groups) for weights, groups in self.views]

    def p_values(self, scores: Array) -> Array:
        """Return conformal p-values of new images.

        Args:
            scores: N,K scores, one column per fold; higher is more anomalous.

        Returns:
            N p-values, from 1 / (m + 1) to 1 with m groups.

        Raises:
            ImagesError: if the scores have another shape.
        """
        scores = np.asarray(scores, np.float64)
        if scores.ndim != 2 or scores.shape[1] != len(self.folds):
            raise ImagesError(f"expected scores of shape N,{len(self.folds)}, got {scores.shape}.")
        places = [np.searchsorted(fold, scores[:, k], side="left") for k, fold in enumerate(self.folds)]
        found = []
        for weights, groups in self._from_the_top:
            at_least = [weight[place] for weight, place in zip(weights, places, strict=True)]
            found.append((1 + _exact(np.sum(at_least, axis=0))) / (groups + 1))
        return np.asarray(np.max(found, axis=0))

    def levels(self, p_values: Array) -> Array:
        """Return p-values as multiples of 1 / (m + 1), rounded up, from 1 to m + 1."""
        return levels_of(p_values, self.groups)

    def level_counts(self, p_values: Array) -> Array:
        """Return how many p-values there are at each multiple of 1 / (m + 1), after rounding up.

        Args:
            p_values: N p-values.

        Returns:
            m + 1 counts, of the smallest p-value first.

        Examples:
            >>> Calibration((np.arange(3.0),)).level_counts(np.array([0.25, 1.0, 0.25, 0.26]))
            array([2, 1, 0, 1])
        """
        return np.bincount(self.levels(p_values) - 1, minlength=self.groups + 1)

    def decides(self, alpha: float) -> bool:
        """Whether enough groups calibrate for verdicts at false-alarm rate `alpha`."""
        return checked_alpha(alpha) >= 1 / (self.groups + 1)

    def verdicts(self, p_values: Array, alpha: float) -> Array:
        """Return "anomaly" for p <= alpha, else "normal"; all "undetermined" if too few groups calibrate."""
        return verdicts_at(p_values, alpha, self.decides(alpha))

    def threshold(self, alpha: float) -> float:
        """Return the score above which an image is an anomaly; infinite if too few groups calibrate.

        For cross-conformal folds this is the threshold of the pooled scores, for plots only. Verdicts come from p-values,
        where each fold has its own threshold.
        """
        if alpha not in self._thresholds:
            self._thresholds[alpha] = float(self._deciding(alpha, np.concatenate(self.folds)[None])[0])
        return self._thresholds[alpha]

    @cached_property
    def _thresholds(self) -> dict[float, float]:
        return {}

    def margins(self, scores: Array, alpha: float) -> Array:
        """Return margins to the verdict "anomaly": negative if p <= alpha, infinite if no verdict is possible.

        The margin is what can be added to the scores of an image, in all folds, before it is flagged.

        Args:
            scores: N,K scores, one column per fold; higher is more anomalous.
            alpha: the false-alarm rate.

        Returns:
            N margins.
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
        """Return N: for N,n values of calibration images, the largest one from which up they weigh more than alpha allows."""
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
        """Return the guarantee for flags among `images` at false-discovery rate `fdr`, and what one flag takes, in words."""
        share, lone = percent(checked_fdr(fdr)), images_needed(fdr / max(images, 1))
        if not self.count:
            return self._no_promise(f"a false-discovery rate of {share}", fdr)
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
        """Return the interval that contains the realised false-alarm rate with probability `level`.

        The realised rate depends on which groups calibrated. For a split of single images it follows Beta(k, m + 1 - k) with
        k = floor((m + 1) alpha). For folds and for groups of several images this is an approximation and not a guarantee.
        """
        rank = largest_rank(alpha, self.groups)
        if rank < 1:
            return 0.0, 0.0
        low, high = (float(beta_quantile(rank, self.groups + 1 - rank, (1 + side * level) / 2)) for side in (-1, 1))
        return low, high

    def bound(self, alpha: float) -> float:
        """Return the proved bound of the mean false-alarm rate: alpha for a split, more for cross-conformal folds.

        The mean of p-values at most doubles the rate (Vovk and Wang 2020): for F folds of m groups, 2 alpha + 2 (F - 1) / (m
        + F). For equal folds of single images, 2 alpha + (1 - F / m) / (F + 1) holds as well (Barber et al. 2021).

        Examples:
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
        """What the guarantee counts: "images", or "groups" if some images are not independent."""
        return "images" if self.groups == self.count else "groups"

    @property
    def size(self) -> str:
        """How many images calibrate, in words: "99 images", or "300 images in 62 groups"."""
        images = f"{self.count:,} image{'' if self.count == 1 else 's'}" if self.count else "no image"
        groups = f"{self.groups:,} group{'' if self.groups == 1 else 's'}"
        return images if self.groups == self.count else f"{images} in {groups}"

    def promise(self, alpha: float) -> str:
        """Return the guarantee at `alpha` in words, with its band."""
        what = self.what_counts
        if not self.count:
            return self._no_promise(f"a false-alarm rate of {percent(alpha)}", alpha)
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

    def _no_promise(self, rate: str, alpha: float) -> str:
        return (
            f"No verdict: no image calibrates this model. At {rate} it would take {images_needed(alpha)} good images that did "
            "not train it: `sablier calibrate`. Scores are still written."
        )


def _exact(sums: Array) -> Array:
    """Return sums of shares of groups without the rounding error at whole numbers."""
    whole = np.rint(sums)
    return np.where(np.abs(sums - whole) < ROUNDING, whole, sums)
