"""Support tests: whether a code is among the codes of images."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sablier.errors import ImagesError, TooFewImages
from sablier.typing import Array

LEAVES = 0.01  # a p-value up to which a code is outside the data
FEWEST = 200  # codes, half of them held out: with fewer, none could be outside
MOST = 4000
NEIGHBOURS = 5
SMALLEST_VARIANCE, SMALLEST_SHARE = 1e-12, 1e-9  # added to variances, which may be 0; the second is relative to their mean
MOST_DISTANCES = 10_000_000  # computed at once


class SupportTest(Protocol):
    """A test whether codes are among those of images: a mixture fitted to them, or the codes themselves."""

    def p_values(self, codes: Array) -> Array:
        """Return N: the share of held-out codes that are at least as far out as each of N,latent codes."""
        ...


@dataclass(frozen=True)
class NearestCodes:
    """A k-nearest-neighbour support test: distances to the nearest codes, compared with those of held-out images.

    Distances are Mahalanobis distances with a shrunk covariance (Ledoit and Wolf 2004), so that no number counts more
    because of its scale.

    Args:
        codes: M,latent, whitened.
        mean, whitening: latent and latent,latent, to whiten other codes.
        held_out: sorted distances of the held-out codes to the nearest of `codes`.

    >>> random = np.random.default_rng(0)
    >>> near = NearestCodes.of(random.normal(size=(400, 3)))
    >>> p_values = near.p_values(np.array([[0.0, 0.0, 0.0], [9.0, 9.0, 9.0]]))
    >>> bool(p_values[0] > 0.1), bool(p_values[1] <= LEAVES)
    (True, True)
    """

    codes: Array
    mean: Array
    whitening: Array
    held_out: Array

    @classmethod
    def of(cls, codes: Array, seed: int = 0) -> "NearestCodes":
        """Fit on N,latent codes, of which a random half is held out; at most 4,000, an even sample.

        Raises:
            TooFewImages: for fewer than 200 codes.
        """
        from sklearn.covariance import LedoitWolf

        if len(codes) < FEWEST:
            raise TooFewImages(f"expected at least {FEWEST} codes to tell what leaves them, got {len(codes)}.")
        order = np.random.default_rng(seed).permutation(len(codes))[:MOST]
        known, apart = np.array_split(np.asarray(codes, np.float64)[order], 2)
        shrunk = LedoitWolf().fit(known)
        ridge = SMALLEST_VARIANCE + SMALLEST_SHARE * np.trace(shrunk.covariance_) / len(shrunk.location_)
        whitening = np.linalg.cholesky(np.linalg.inv(shrunk.covariance_ + ridge * np.eye(len(shrunk.location_))))
        near = cls((known - shrunk.location_) @ whitening, shrunk.location_, whitening, np.empty(0))
        return cls(near.codes, near.mean, near.whitening, np.sort(near.distances(apart)))

    def distances(self, codes: Array) -> Array:
        """Return N: the mean distance of each of N,latent codes to the nearest five.

        Raises:
            ImagesError: for codes of another length.
        """
        if codes.ndim != 2 or codes.shape[1] != len(self.mean):
            raise ImagesError(f"expected codes of shape N,{len(self.mean)}, got {codes.shape}. Are they of another model?")
        white = (np.asarray(codes, np.float64) - self.mean) @ self.whitening
        blocks = np.array_split(white, 1 + len(white) * len(self.codes) // MOST_DISTANCES)
        return np.concatenate([self._nearest(block) for block in blocks])

    def p_values(self, codes: Array) -> Array:
        """Return N: the share of held-out codes that are at least as far out as each of N,latent codes."""
        nearer = np.searchsorted(self.held_out, self.distances(codes), side="left")
        return np.asarray((len(self.held_out) - nearer + 1) / (len(self.held_out) + 1))

    def _nearest(self, white: Array) -> Array:
        squares = (white**2).sum(axis=1)[:, None] + (self.codes**2).sum(axis=1) - 2 * white @ self.codes.T
        nearest = np.partition(squares, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
        return np.asarray(np.sqrt(np.maximum(nearest, 0)).mean(axis=1))
