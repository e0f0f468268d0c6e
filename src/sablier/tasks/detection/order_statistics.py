"""Quantiles along an axis by `topk`, which ONNX has, as it has no quantile and no median."""

from math import floor

from torch import Tensor


def median(rows: Tensor) -> Tensor:
    """Return N: the median of each of N,D rows, the lower one of an even number, as `torch.median` does.

    >>> import torch
    >>> median(torch.tensor([[4.0, 1.0, 3.0, 2.0]])).tolist()
    [2.0]
    """
    half = (rows.shape[1] - 1) // 2 + 1
    return rows.topk(half, dim=1, largest=False, sorted=False).values.amax(dim=1)


def quantile(rows: Tensor, share: float) -> Tensor:
    """Return N: the quantile of each of N,D rows, interpolated linearly between two values, as `torch.quantile` does.

    >>> import torch
    >>> quantile(torch.tensor([[4.0, 1.0, 3.0, 2.0]]), 0.5).tolist()
    [2.5]
    """
    place = share * (rows.shape[1] - 1)
    lower = floor(place)
    above = rows.topk(rows.shape[1] - lower, dim=1, sorted=False).values
    nearest = above.topk(min(2, above.shape[1]), dim=1, largest=False).values
    return nearest[:, 0] + (place - lower) * (nearest[:, -1] - nearest[:, 0])
