"""A Gaussian with shrunk covariance, for features of normal images."""

from dataclasses import dataclass

import numpy as np

from sablier.part_fit import check_fit
from sablier.typing import Array

SMALLEST_DISTANCE = 1e-12


@dataclass(frozen=True)
class Gaussian:
    """Mean and inverse covariance of D features, shrunk (Ledoit and Wolf 2004).

    Args:
        mean: D.
        precision: D,D.
    """

    mean: Array
    precision: Array

    @classmethod
    def of(cls, features: Array) -> "Gaussian":
        """Fit on N,D features, at least two of them."""
        from sklearn.covariance import LedoitWolf

        shrunk = LedoitWolf().fit(features.astype(np.float64))
        return cls(shrunk.location_, shrunk.precision_)

    def log_distances(self, features: Array) -> Array:
        """Return the logarithms of the N squared Mahalanobis distances of N,D features."""
        check_fit("values of a latent", len(self.mean), features.shape[1])
        centred = features.astype(np.float64) - self.mean
        return np.asarray(np.log(np.maximum(np.einsum("nd,de,ne->n", centred, self.precision, centred), SMALLEST_DISTANCE)))
