"""Fusion: one score from the statistics of several members, corrected, standardised and weighted on normal images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from sablier.part_fit import check_fit
from sablier.typing import Array

# The share of the regression that is subtracted. All of it would suit digits, but the amount of edges itself distinguishes
# other photos from airplanes (docs/LOG.md).
CORRECTED = 0.5
ENOUGH_TO_CORRECT = 50  # normal images; with fewer, a regression on covariates would fit noise
SMALLEST_SPREAD = 0.01  # of a logarithm: variations below 1 % are rounding
RIDGE = 0.1  # added to correlations, or a few dozen images would give some statistics negative weights


@dataclass(frozen=True)
class Fusion:
    """How the statistics of an image become its score.

    Half of what a linear regression on the covariates predicts is subtracted from each statistic. The result is divided by
    its standard deviation among normal images. The score is the weighted sum.

    Args:
        coefficients: 1+U,J regression of the statistics on a constant and the covariates (edges).
        low, high: U, the range of the covariates among normal images; nothing is extrapolated beyond it.
        weights: J, of the corrected statistics.
    """

    coefficients: Array
    low: Array
    high: Array
    weights: Array

    @classmethod
    def fit(cls, statistics: Sequence[Array], member_weights: Sequence[float], covariates: Array) -> Self:
        """Fit on normal images that trained no member, with given weights of members.

        A member contributes the mean of its statistics, divided by its standard deviation, times its weight.

        Args:
            statistics: of each member, N,J_k.
            member_weights: the weight of each member.
            covariates: N,U, in which normal images differ, too.
        """
        plain = cls._unweighted(statistics, covariates)
        standard, weights, start = plain._weighted(statistics, covariates), np.empty(len(plain.weights)), 0
        for own, weight in zip(statistics, member_weights, strict=True):
            part = slice(start, start := start + own.shape[1])
            weights[part] = weight / own.shape[1] / np.maximum(standard[:, part].mean(axis=1).std(), SMALLEST_SPREAD)
        return replace(plain, weights=plain.weights * weights)

    @classmethod
    def fit_by_defects(
        cls, normal: Sequence[Array], covariates: Array, damaged: Sequence[Array], covariates_of_damaged: Array
    ) -> tuple[Self, Array]:
        """Fit on normal images and on images with defects; return also the weights of the members, at most 1.

        The weights of the statistics are those of a linear discriminant (Fisher 1936) without negative weights. A statistic
        that finds no defect, or only defects that another finds better, has weight 0. If none finds any, all weigh the same.

        Args:
            normal, covariates: of each member, N,J_k statistics of normal images; N,U covariates of them.
            damaged, covariates_of_damaged: the same of images with defects.
        """
        from scipy.optimize import nnls

        plain = cls._unweighted(normal, covariates)
        standard, apart = plain._weighted(normal, covariates), plain._weighted(damaged, covariates_of_damaged)
        together = standard.T @ standard / len(standard) + RIDGE * np.eye(standard.shape[1])
        root = np.linalg.cholesky(together)
        weights, _ = nnls(root.T, np.linalg.solve(root, apart.mean(axis=0)))
        weights = weights if weights.any() else np.ones(len(weights))
        edges = np.cumsum([own.shape[1] for own in normal])[:-1]
        member_weights = np.array([part.sum() for part in np.split(weights, edges)])
        weights = weights / np.maximum((standard @ weights).std(), SMALLEST_SPREAD)
        return replace(plain, weights=plain.weights * weights), member_weights / member_weights.max()

    @classmethod
    def _unweighted(cls, statistics: Sequence[Array], covariates: Array) -> Self:
        """Return the corrections, with one over the spread of each corrected statistic as weights."""
        everything = np.concatenate(statistics, axis=1)
        design = np.c_[np.ones(len(covariates)), covariates]
        if len(design) < ENOUGH_TO_CORRECT:
            design[:, 1:] = 0.0
        coefficients = CORRECTED * np.linalg.lstsq(design, everything, rcond=None)[0]
        coefficients[0] = (everything - design[:, 1:] @ coefficients[1:]).mean(axis=0)
        spread = (everything - design @ coefficients).std(axis=0)
        return cls(coefficients, covariates.min(axis=0), covariates.max(axis=0), 1 / np.maximum(spread, SMALLEST_SPREAD))

    def _weighted(self, statistics: Sequence[Array], covariates: Array) -> Array:
        """Return N,J: corrected statistics, each times its weight."""
        return np.asarray(self.corrected(statistics, covariates) * self.weights)

    def score(self, statistics: Sequence[Array], covariates: Array) -> Array:
        """Return N scores; higher is more anomalous, a normal image is near 0."""
        return np.asarray(self.contributions(statistics, covariates).sum(axis=1))

    def contributions(self, statistics: Sequence[Array], covariates: Array) -> Array:
        """Return N,K: the contribution of each member to the scores."""
        weighted = self._weighted(statistics, covariates)
        edges = np.cumsum([own.shape[1] for own in statistics])[:-1]
        return np.stack([part.sum(axis=1) for part in np.split(weighted, edges, axis=1)], axis=1)

    def corrected(self, statistics: Sequence[Array], covariates: Array) -> Array:
        """Return N,J: statistics minus the effect of the covariates."""
        together = np.concatenate(statistics, axis=1)
        check_fit("weights of statistics", len(self.weights), together.shape[1])
        check_fit("ranges of covariates", len(self.low), covariates.shape[1])
        inputs = np.clip(covariates, self.low, self.high)
        return np.asarray(together - np.c_[np.ones(len(inputs)), inputs] @ self.coefficients)
