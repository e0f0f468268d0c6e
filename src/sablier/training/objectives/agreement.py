"""Reconstruction from moved copies whose codes must agree."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from sablier.models.base import Model
from sablier.training.objectives.base import Loss, mean_squared_error
from sablier.training.objectives.reconstruction import Reconstruction
from sablier.transforms.batches import Batch

COVARIANCE = 0.04  # weight of the covariance against the other two terms: 1 to 25, as its authors chose


@dataclass(frozen=True)
class Agreement(Reconstruction):
    """Reconstruction, with a term that makes the codes of two moved copies agree (VICReg; Bardes, Ponce and LeCun 2022).

    If all codes were equal, they would agree, too. So each number of a code keeps a spread of at least 1 over the batch, and
    the numbers must be uncorrelated. No two images are compared as "different", and no label is used. The reconstruction
    error keeps the codes decodable.

    Args:
        agreement: weight of the term against the squared error of the pixels.
    """

    agreement: Annotated[float, Field(ge=0, le=100)] = 0.05

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        first, second = (model.encode(self.damaged(batch.x)).float() for _ in range(2))
        error = mean_squared_error(model.decode(first), batch.x)  # decoding the second copy, too, would add little
        term = disagreement(first, second)
        yield "model", error + self.agreement * term, {"error": error, "disagreement": term}


def disagreement(first: Tensor, second: Tensor) -> Tensor:
    """Return how little the codes of two copies of N images, N,d each, agree and vary.

    The sum of the mean squared difference, what the spread of each number lacks of 1, and a share of the squared
    covariances.

    >>> _ = torch.manual_seed(0)
    >>> codes = torch.randn(1000, 4)
    >>> agreeing, opposite, empty = (disagreement(codes, sign * codes) for sign in (1, -1, 0))
    >>> bool(agreeing < opposite), bool(agreeing < empty)
    (True, True)
    """
    apart = mean_squared_error(first, second)
    lacking, shared = (
        torch.stack([measure(codes) for codes in (first, second)]).mean() for measure in (_lacking_spread, _shared_variance)
    )
    return apart + lacking + 2 * COVARIANCE * shared


def _lacking_spread(codes: Tensor) -> Tensor:
    """Return what the standard deviation of each number lacks of 1, on average."""
    return F.relu(1 - (codes.var(dim=0, correction=0) + 1e-4).sqrt()).mean()


def _shared_variance(codes: Tensor) -> Tensor:
    """Return the sum of the squared covariances of a number with all others, on average."""
    centred = codes - codes.mean(dim=0)
    squares = (centred.T @ centred / len(codes)) ** 2
    return (squares.sum() - squares.diagonal().sum()) / codes.shape[1]
