"""One score from what several members see: corrected, standardised and weighted on held-out normal images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from sablier.metrics import auroc
from sablier.part_fit import check_fit
from sablier.typing import Array

# Of what the regression explains, this share is taken away. All of it would suit digits; but how much there is to draw is itself
# what tells other photos from airplanes (docs/LOG.md).
CORRECTED = 0.5
ENOUGH_TO_CORRECT = 50  # normal images below which a regression on nuisances would fit noise
MOST_APART = 0.999  # area under the curve, beyond which a few hundred images tell no difference
SMALLEST_SPREAD = 0.01  # of a logarithm: where normal images vary by less than 1 %, a difference is arithmetic


@dataclass(frozen=True)
class Fusion:
    """How the statistics of an image become its score.

    Each statistic is taken less a half of what a normal image with as many edges to draw would differ in (a linear
    regression), in units of its standard deviation among normal images. A member's word is the mean of its statistics, in
    units of its own standard deviation; the score is the sum of the members' words, each times its say.

    Args:
        coefficients: 1+U,J regression of the statistics on a constant and the nuisances.
        low, high: U, the range of the nuisances among normal images; beyond it nothing is extrapolated.
        weights: J, of the corrected statistics.
    """

    coefficients: Array
    low: Array
    high: Array
    weights: Array

    @classmethod
    def fit(cls, statistics: Sequence[Array], says: Sequence[float], nuisances: Array) -> "Fusion":
        """Fit on normal images that trained no member.

        Args:
            statistics: of each member, N,J_k.
            says: of each member, how much its word counts.
            nuisances: N,U.
        """
        everything = np.concatenate(statistics, axis=1)
        design = np.c_[np.ones(len(nuisances)), nuisances]
        if len(design) < ENOUGH_TO_CORRECT:
            design[:, 1:] = 0.0
        coefficients = CORRECTED * np.linalg.lstsq(design, everything, rcond=None)[0]
        coefficients[0] = (everything - design[:, 1:] @ coefficients[1:]).mean(axis=0)
        corrected = everything - design @ coefficients
        weights, start = np.empty(everything.shape[1]), 0
        for own, say in zip(statistics, says, strict=True):
            part = slice(start, start := start + own.shape[1])
            each = 1 / np.maximum(corrected[:, part].std(axis=0), SMALLEST_SPREAD)
            word = (corrected[:, part] * each).mean(axis=1)
            weights[part] = say * each / own.shape[1] / np.maximum(word.std(), SMALLEST_SPREAD)
        return cls(coefficients, nuisances.min(axis=0), nuisances.max(axis=0), weights)

    def score(self, statistics: Sequence[Array], nuisances: Array) -> Array:
        """Return N scores; higher is worse, a normal image is near 0."""
        together = np.concatenate(statistics, axis=1)
        check_fit("weights of statistics", len(self.weights), together.shape[1])
        check_fit("ranges of nuisances", len(self.low), nuisances.shape[1])
        inputs = np.clip(nuisances, self.low, self.high)
        expected = np.c_[np.ones(len(inputs)), inputs] @ self.coefficients
        return np.asarray((together - expected) @ self.weights)


def says_by_defects(normal: Sequence[Array], nuisances: Array, damaged: Sequence[Array], nuisances_of_damaged: Array) -> Array:
    """Return how much the word of each member counts: by how far it sets images with defects apart from normal ones.

    For words that err independently and are normally distributed, the best weights are these distances (Fisher 1936). A member
    that sees no defect has no say; where none does, all have the same.

    Args:
        normal, nuisances: of each member, N,J_k statistics of normal images; N,U nuisances of them.
        damaged, nuisances_of_damaged: the same of images with defects.
    """
    found = []
    for good, bad in zip(normal, damaged, strict=True):
        alone = Fusion.fit([good], [1.0], nuisances)
        apart = auroc(alone.score([good], nuisances), alone.score([bad], nuisances_of_damaged))
        found.append(norm.ppf(np.clip(apart, 0.5, MOST_APART)))
    says = np.array(found)
    return says / says.max() if says.max() > 0 else np.ones(len(says))
