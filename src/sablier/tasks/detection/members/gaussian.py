"""A Gaussian with shrunk covariance, for features of normal images."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

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

    def log_distances(self, features: Tensor) -> Tensor:
        """Return the logarithms of the N squared Mahalanobis distances of N,D features, float64."""
        check_fit("values of a latent", len(self.mean), features.shape[1])
        centred = features.double() - torch.from_numpy(self.mean)
        squared = (centred @ torch.from_numpy(self.precision) * centred).sum(dim=1)
        return squared.clamp_min(SMALLEST_DISTANCE).log()
