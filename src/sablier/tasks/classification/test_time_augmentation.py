"""Test-time augmentation: averages over moved copies of images that a classifier is uncertain about.

Averaging over copies makes a classifier more accurate. Nearly all of the gain is on uncertain images, so only these are
averaged.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sablier.models.base import Model
from sablier.transforms.geometry import shifted
from sablier.typing import Array

UNSURE_SHARE = 0.25  # of held-out images, those with the smallest margins


@dataclass(frozen=True)
class Views:
    """Which copies of an image are averaged, and when.

    Args:
        margin: between the two largest logits of the image, below which its copies are used.
        mirror: whether each copy is also mirrored.
        shift: pixels by which copies are moved, along both diagonals.
    """

    margin: float = 0.0
    mirror: bool = False
    shift: int = 1

    @classmethod
    def after(cls, logits: Array, mirror: bool) -> "Views":
        """Return the views of a classifier with N,K logits of held-out images, without augmentation."""
        return cls(float(np.quantile(margins(torch.from_numpy(logits)).numpy(), UNSURE_SHARE)), mirror)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def logits(self, network: Model, x: Tensor) -> Tensor:
        """Return N,K logits: of the image, or if the largest are close, the mean over its copies."""
        found = network.classify(x).float()
        unsure = margins(found) < self.margin
        if torch.compiler.is_exporting():  # a graph cannot choose images
            return torch.where(unsure[:, None], self._mean(network, x, found), found) if self.margin > 0 else found
        rows = torch.nonzero(unsure).flatten()
        return found.index_copy(0, rows, self._mean(network, x[rows], found[rows])) if len(rows) else found

    def _mean(self, network: Model, x: Tensor, found: Tensor) -> Tensor:
        """Return N,K: the mean logits of images, of which `found` are the own, and of their copies."""
        copies = list(self._copies(x))
        return (found + sum(network.classify(copy).float() for copy in copies)) / (1 + len(copies))

    def _copies(self, x: Tensor) -> Iterator[Tensor]:
        """Yield every copy except the image itself."""
        by = torch.full((x.shape[0],), min(self.shift, *x.shape[2:]), device=x.device)
        for copy in (x, shifted(x, -by, -by), shifted(x, by, by)):
            if copy is not x:
                yield copy
            if self.mirror:
                yield copy.flip(3)


ONE_VIEW = Views()


def margins(logits: Tensor) -> Tensor:
    """Return N: the difference of the two largest logits."""
    largest = logits.topk(2, dim=1).values
    return largest[:, 0] - largest[:, 1]
