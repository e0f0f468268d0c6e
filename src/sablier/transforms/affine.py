"""Random affine augmentation: rotation, shift, scale and shear. N,C,H,W in and out."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def moved(x: Tensor, turn: float = 0.0, shift: float = 0.0, scale: float = 0.0, shear: float = 0.0) -> Tensor:
    """Return each image moved by random amounts of its own.

    Pixels are interpolated bilinearly; outside an image, its edge is repeated.

    Args:
        turn: largest angle either way, in degrees.
        shift: largest shift either way, as a share of each side.
        scale: 0.2 means a factor from 1 / 1.2 to 1.2, uniform on the logarithm.
        shear: largest slant either way: 0.2 moves the top edge by 0.2 of half the height against the middle.

    >>> white = torch.ones(1, 1, 4, 4)
    >>> moved(torch.zeros(2, 3, 8, 6), turn=10).shape, torch.allclose(moved(white, 45, 0.5, 0.5, 0.5), white)
    (torch.Size([2, 3, 8, 6]), True)
    """
    angle, slant = (_drawn(x, most) for most in (math.radians(turn), shear))
    factor = _drawn(x, math.log1p(scale)).exp()
    down, right = _drawn(x, 2 * shift), _drawn(x, 2 * shift)  # the grid runs from -1 to 1
    # In pixels and not in shares of the sides: a rotation must not distort an image that is not square.
    tall = x.shape[2] / x.shape[3]
    cosine, sine = angle.cos() / factor, angle.sin() / factor
    across = torch.stack([cosine, (slant * cosine - sine) * tall, right], dim=1)
    along = torch.stack([sine / tall, slant * sine + cosine, down], dim=1)
    grid = F.affine_grid(torch.stack([across, along], dim=1), list(x.shape), align_corners=False)
    result = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
    return result.contiguous(memory_format=torch.channels_last)


def _drawn(x: Tensor, most: float) -> Tensor:
    """Return a uniform random number for each image, N, from -most to most."""
    return most * (2 * torch.rand(len(x), device=x.device) - 1)
