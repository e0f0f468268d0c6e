"""First and second moments of the features at the places of images: what the means and the covariance of places come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import torch
from torch.nn import functional as F

from sablier.part_fit import check_fit
from sablier.typing import Array

SMALLEST = 1e-12
MOST_MEANS = 64  # places a side for which means are used


@dataclass(frozen=True)
class PlaceMoments:
    """Sums over images, as a model file keeps them: those of more images can be added, and the images are not needed again.

    Args:
        count: how many images were summed.
        totals: h,w,D float32, the sum over images of the features at each place.
        products: D,D float64, the sum over images and places of their outer products.

    >>> features = np.random.default_rng(0).normal(size=(9, 3, 4, 5))
    >>> totals, products = features.sum(axis=0), np.einsum("nhwd,nhwe->de", features, features)
    >>> moments = PlaceMoments(9, totals.astype(np.float32), products)
    >>> moments.means.shape, moments.covariance.shape, moments.joined(moments).count
    ((3, 4, 5), (5, 5), 18)
    """

    count: int
    totals: Array
    products: Array

    def joined(self, more: Self) -> Self:
        """Return the moments of these images and of others.

        Raises:
            ModelFileError: if the others have another grid, or another number of features.
        """
        for what, own, other in zip(("rows", "columns", "features"), self.totals.shape, more.totals.shape, strict=True):
            check_fit(f"{what} of places", own, other)
        totals = self.totals.astype(np.float64) + more.totals
        return type(self)(self.count + more.count, totals.astype(np.float32), self.products + more.products)

    @cached_property
    def means(self) -> Array:
        """h,w,D float32, on a grid of at most 64 x 64: the expected features of each place; 1,1,D if places do not differ.

        The mean of a place is shrunk to that of all places, as far as the means differ by chance (after James and Stein
        1961): fully if parts lie in any position, hardly if they lie alike.
        """
        own, everywhere, trust = self._shrinkage()
        if not trust:
            return np.asarray(everywhere[None, None], np.float32)
        means: Array = (trust * own + (1 - trust) * everywhere).reshape(self.totals.shape)
        height, width, _ = means.shape
        if max(height, width) > MOST_MEANS:
            grid = min(MOST_MEANS, height), min(MOST_MEANS, width)
            means = F.adaptive_avg_pool2d(torch.from_numpy(means).permute(2, 0, 1), grid).permute(1, 2, 0).numpy()
        return np.ascontiguousarray(means, np.float32)

    @cached_property
    def covariance(self) -> Array:
        """D,D float64: the covariance of all places around their shrunk means."""
        own, everywhere, trust = self._shrinkage()
        differing = own - everywhere
        scatter = self.products - self.count * own.T @ own
        # Around other means than their own, places scatter more, by the distance of the means.
        scatter += self.count * (1 - trust) ** 2 * differing.T @ differing
        return np.asarray(scatter / (self.count * len(own)))

    @property
    def mean_square(self) -> float:
        """The mean square of all features."""
        return float(np.trace(self.products)) / (self.count * self.totals.size)

    def _shrinkage(self) -> tuple[Array, Array, float]:
        """Return P,D means of places, D means of all places, and how far the former are trusted, from 0 to 1."""
        own = self.totals.reshape(-1, self.totals.shape[2]).astype(np.float64) / self.count
        everywhere = own.mean(axis=0)
        between = float(np.square(own - everywhere).sum()) / len(own)
        scatter = float(np.trace(self.products)) - self.count * float(np.square(own).sum())
        by_chance = scatter / ((self.count - 1) * len(own)) / self.count
        trust = min(1.0, max(0.0, 1 - by_chance / between)) if between > SMALLEST else 0.0
        return own, everywhere, trust

    def tensors(self) -> dict[str, Array]:
        """Return the arrays that a model file keeps: of the products, the lower triangle."""
        return {"totals": self.totals, "products": self.products[np.tril_indices(len(self.products))]}

    @classmethod
    def from_tensors(cls, count: int, tensors: Mapping[str, Array]) -> Self:
        """Return what `tensors` kept.

        Raises:
            ModelFileError: if the products are not those of so many features.
        """
        size = tensors["totals"].shape[2]
        rows, columns = np.tril_indices(size)
        check_fit("products of features", len(tensors["products"]), len(rows))
        products = np.empty((size, size))
        products[rows, columns] = products[columns, rows] = tensors["products"]
        return cls(count, tensors["totals"], products)
