"""Systems of linear equations with a symmetric positive definite matrix."""

import numpy as np
import torch
from torch import Tensor

from sablier.tasks.detection.tracing import tracing


def solve(matrices: Tensor, right: Tensor) -> Tensor:
    """Return N,K: the solutions x of `matrices` x = `right`.

    Args:
        matrices: N,K,K symmetric positive definite.
        right: N,K.

    >>> solve(torch.tensor([[[2.0, 1.0], [1.0, 3.0]]]), torch.tensor([[3.0, 4.0]])).tolist()
    [[1.0, 1.0]]
    """
    return eliminated(matrices, right) if tracing() else torch.linalg.solve(matrices, right)


def eliminated(matrices: Tensor, right: Tensor) -> Tensor:
    """Return the same by elimination (Gauss-Jordan) in operations that ONNX has; it has no solver.

    Pivots of a positive definite matrix are positive, so rows need no exchange.
    """
    left = torch.cat([matrices, right[:, :, None]], dim=2)
    count = matrices.shape[1]
    for number in range(count):
        row = left[:, number : number + 1, 1:] / left[:, number : number + 1, :1]
        own = torch.from_numpy(np.arange(count) == number)[:, None]
        left = torch.where(own, row, left[:, :, 1:] - left[:, :, :1] * row)
    return left[:, :, 0]
