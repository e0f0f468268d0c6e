"""Damage done to images on purpose, so that undoing it can be learnt. N,C,H,W in and out."""

import torch
from torch import Tensor
from torch.nn import functional as F


def gaussian_noise(x: Tensor, largest: float) -> Tensor:
    """Add Gaussian noise whose standard deviation is drawn for each image from 0 to `largest`."""
    level = torch.rand(len(x), 1, 1, 1, device=x.device) * largest
    return x + level * torch.randn_like(x)


def masked_blocks(x: Tensor, largest: float, grid: int = 7) -> Tensor:
    """Set blocks of a `grid` x `grid` raster to zero; their share is drawn for each image from 0 to `largest`."""
    share = torch.rand(len(x), 1, 1, 1, device=x.device) * largest
    kept = (torch.rand(len(x), 1, grid, grid, device=x.device) >= share).to(x.dtype)
    return x * F.interpolate(kept, x.shape[2:], mode="nearest")
