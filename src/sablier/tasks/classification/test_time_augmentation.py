"""Ask a network again, about moved copies, where it is unsure.

Averaging over copies makes a classifier more accurate; nearly all it gains is on images it hesitates about, so only these are
asked about again.
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

UNSURE_SHARE = 0.25  # of held-out images, those of the smallest margins


@dataclass(frozen=True)
class Views:
    """Which copies of an image are looked at, and when.

    Args:
        margin: between the two largest logits of the image itself, below which it is looked at again.
        mirror: whether each copy is also seen in a mirror.
        shift: pixels by which copies are moved, along both diagonals.
    """

    margin: float = 0.0
    mirror: bool = False
    shift: int = 1

    @classmethod
    def after(cls, logits: Array, mirror: bool) -> "Views":
        """Return the views of a classifier that gave N,K logits for held-out images, those of the images themselves."""
        return cls(float(np.quantile(margins(torch.from_numpy(logits)).numpy(), UNSURE_SHARE)), mirror)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def logits(self, network: Model, x: Tensor) -> Tensor:
        """Return N,K logits: of an image, or where these are close, the mean over its copies."""
        found = network.classify(x).float()
        rows = torch.nonzero(margins(found) < self.margin).flatten()
        if len(rows):
            copies = list(self._copies(x[rows]))
            mean = (found[rows] + sum(network.classify(copy).float() for copy in copies)) / (1 + len(copies))
            found = found.index_copy(0, rows, mean)
        return found

    def _copies(self, x: Tensor) -> Iterator[Tensor]:
        """Yield every copy but the image itself."""
        by = torch.full((len(x),), min(self.shift, *x.shape[2:]), device=x.device)
        for copy in (x, shifted(x, -by, -by), shifted(x, by, by)):
            if copy is not x:
                yield copy
            if self.mirror:
                yield copy.flip(3)


ONE_VIEW = Views()


def margins(logits: Tensor) -> Tensor:
    """Return N: by how much the largest logit is above the second."""
    largest = logits.topk(2, dim=1).values
    return largest[:, 0] - largest[:, 1]
