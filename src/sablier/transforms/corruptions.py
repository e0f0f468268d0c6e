"""Corruptions of training images for denoising. N,C,H,W in and out, pixels in [0, 1] in.

A corruption takes images and a level for each, N,1,1,1, in the unit of its docstring. Its output is not clipped: `clip`
makes it that of a saturating camera, or of a file of integers.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F


def gaussian(x: Tensor, level: Tensor) -> Tensor:
    """Add Gaussian noise; the level is its standard deviation."""
    return x + level * torch.randn_like(x)


def poisson(x: Tensor, level: Tensor) -> Tensor:
    """Poisson noise; the level is the standard deviation at white, so white is 1/level^2 photons."""
    peak = level.clamp_min(1e-3) ** -2
    return torch.poisson(x.clamp_min(0) * peak) / peak


def salt_and_pepper(x: Tensor, level: Tensor) -> Tensor:
    """Set pixels to black or white in all channels; the level is their share."""
    chance = torch.rand_like(x[:, :1])
    return torch.where(chance < level, (chance < level / 2).to(x.dtype), x)


def missing(x: Tensor, level: Tensor) -> Tensor:
    """Set pixels to black in all channels; the level is their share."""
    return x * (torch.rand_like(x[:, :1]) >= level)


CORRUPTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "gaussian": gaussian, "poisson": poisson, "salt-and-pepper": salt_and_pepper, "missing": missing,
}  # fmt: skip


def random_levels(x: Tensor, low: float, high: float) -> Tensor:
    """Return a uniform random level for each image, N,1,1,1, from `low` to `high`."""
    return low + (high - low) * torch.rand(len(x), 1, 1, 1, device=x.device)


def masked_blocks(x: Tensor, largest: float, grid: int = 7) -> Tensor:
    """Set blocks of a `grid` x `grid` raster to zero; their share is random for each image, from 0 to `largest`."""
    kept = (torch.rand(len(x), 1, grid, grid, device=x.device) >= random_levels(x, 0, largest)).to(x.dtype)
    return x * F.interpolate(kept, x.shape[2:], mode="nearest")


def estimated_sigma(x: Tensor) -> Tensor:
    """Return the standard deviation of Gaussian noise in each image, N,1,1,1, from the median of its finest diagonal details.

    Most places of an image are smooth, so the median reflects the noise alone (Donoho and Johnstone 1994).
    """
    details = x
    for axis in (2, 3):
        if details.shape[axis] > 1:
            details = details.diff(dim=axis) / 2**0.5
    return details.abs().flatten(1).median(dim=1).values.view(-1, 1, 1, 1) / 0.6745
