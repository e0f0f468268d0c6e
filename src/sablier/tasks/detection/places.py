"""Sums over the features at the places of images, in one pass: totals of each place, products, and a sample of places."""

from collections.abc import Sequence
from typing import Self

import numpy as np
import torch
from torch import Tensor

from sablier.tasks.detection.place_moments import PlaceMoments
from sablier.typing import Array

# Sampled places: of few photos as many as hold 1,200,000 numbers; of more, a quarter, at most as many as hold 3,600,000.
SAMPLED, SAMPLED_OF_MANY, SHARE_OF_MANY = 1_200_000, 3_600_000, 0.25
MOST_SAMPLED = 40_000
HIGHEST = 3  # places whose mean scores an image: a single one is noisy, a share of a fine grid hides small defects


def highest(anomaly_map: Tensor) -> Tensor:
    """Return N: the mean of the three highest places of N,h,w."""
    places = anomaly_map.flatten(1)
    return places.topk(min(HIGHEST, places.shape[1]), dim=1).values.mean(dim=1)


class PlaceSums:
    """Sums over images, in double precision, and a sample of their places; batches are added one after the other.

    Args:
        images: the number of images in all batches; as many places are sampled from each.

    Attributes:
        count: how many images were added.
        totals: h,w,D, the sum over images of the features at each place.
        products: D,D, the sum over images and places of their outer products.

    >>> sums = PlaceSums(images=2)
    >>> for image in torch.rand(2, 1, 5, 3, 4):
    ...     sums.add(image)
    >>> sums.count, sums.totals.shape, sums.products.shape, sums.sample.shape
    (2, (3, 4, 5), (5, 5), torch.Size([24, 5]))
    """

    def __init__(self, images: int, seed: int = 0) -> None:
        self.images, self.count = images, 0
        self.totals: Array = np.zeros(())
        self.products: Array = np.zeros(())
        self._generator = torch.Generator().manual_seed(seed)
        self._drawn: list[tuple[Tensor, Tensor]] = []

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the sums of disjoint sets of images, at least one, as those of all of them."""
        if len(parts) == 1:
            return parts[0]
        found = cls(sum(part.count for part in parts))
        for part in parts:
            found.count += part.count
            found.totals = found.totals + part.totals
            found.products = found.products + part.products
            height, width, size = part.totals.shape
            drawn = len(part.where)
            kept = min(drawn, part.count * _sampled(found.images, height * width, size))
            rows = torch.arange(kept) * drawn // kept
            found._drawn.append((part.sample[rows], part.where[rows]))
        return found

    def add(self, described: Tensor) -> None:
        """Add N,D,h,w."""
        rows = described.permute(0, 2, 3, 1).flatten(1, 2)
        images, places, size = rows.shape
        each = _sampled(self.images, places, size)
        where = torch.stack([torch.randperm(places, generator=self._generator)[:each] for _ in range(images)])
        self._drawn.append((rows[torch.arange(images)[:, None], where].flatten(0, 1), where.flatten()))
        # Products of the places of an image are added in single precision, which is fast, and those of images in double: so
        # they do not depend on batches.
        self.products = self.products + (rows.transpose(1, 2) @ rows).sum(dim=0, dtype=torch.float64).numpy()
        self.totals = self.totals + rows.double().sum(dim=0).view(*described.shape[2:], size).numpy()
        self.count += images

    @property
    def moments(self) -> PlaceMoments:
        """The sums as a model file keeps them, without the sample."""
        lower = np.tril(self.products)  # in single precision, a product and its mirror image may differ
        return PlaceMoments.of(self.count, self.totals, lower + np.tril(lower, -1).T)

    @property
    def sample(self) -> Tensor:
        """R,D: the features at random places."""
        return torch.cat([rows for rows, _ in self._drawn])

    @property
    def where(self) -> Tensor:
        """R: which of the h * w places each row of the sample is."""
        return torch.cat([where for _, where in self._drawn])


def _sampled(images: int, places: int, size: int) -> int:
    """Return how many places, of D = `size` numbers, are sampled from each of so many images."""
    many = min(SAMPLED_OF_MANY // size, round(SHARE_OF_MANY * images * places))
    return min(places, -(-min(MOST_SAMPLED, max(SAMPLED // size, many)) // images))
