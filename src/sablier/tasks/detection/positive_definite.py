"""Systems of linear equations with a symmetric positive definite matrix of known condition."""

from math import ceil, log, log1p, log2

import torch
from torch import Tensor

from sablier.tasks.detection.tracing import tracing

EXACT = 1e-16  # share of the solution that may be left out


def solve(matrices: Tensor, right: Tensor, least: float) -> Tensor:
    """Return N,K: the solutions x of `matrices` x = `right`.

    Args:
        matrices: N,K,K symmetric, with eigenvalues from `least` to 1.
        right: N,K.
        least: above 0.

    >>> solve(torch.tensor([[[0.6, 0.2], [0.2, 0.6]]]), torch.tensor([[0.8, 0.8]]), 0.4).tolist()
    [[1.0, 1.0]]
    """
    return by_products(matrices, right, least) if tracing() else torch.linalg.solve(matrices, right)


def by_products(matrices: Tensor, right: Tensor, least: float) -> Tensor:
    """Return the same by products of matrices; ONNX has no solver.

    With E = 1 - A, the inverse of A is the sum of all powers of E, which is (1 + E)(1 + E^2)(1 + E^4)... Its powers fall at
    least as fast as those of 1 - `least`, so a dozen factors leave only rounding errors.
    """
    factors = 1 if least >= 1 else max(1, ceil(log2(log(EXACT) / log1p(-least))))
    power = torch.eye(matrices.shape[1], dtype=matrices.dtype) - matrices
    found = right[:, :, None]
    for number in range(factors):
        power = power @ power if number else power
        found = found + power @ found
    return found[:, :, 0]
