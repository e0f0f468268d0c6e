"""The covariate: the amount of edges, in which normal images differ, too."""

import torch
from torch import Tensor

SMALLEST_COVARIATE = 0.01


def covariates_of(x: Tensor) -> Tensor:
    """Return N,1 of N,C,H,W images: the log mean absolute gradient, a measure of the amount of edges.

    Brightness as a second covariate gains a point on digits and loses several on clothes (docs/LOG.md).
    """
    down = (x[:, :, 1:] - x[:, :, :-1]).abs_().sum(dim=(1, 2, 3))
    right = (x[:, :, :, 1:] - x[:, :, :, :-1]).abs_().sum(dim=(1, 2, 3))
    return torch.log((down + right) / x[0].numel() + SMALLEST_COVARIATE)[:, None]
