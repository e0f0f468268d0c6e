"""Anomaly maps: an anomaly score for each pixel."""

import torch
from torch import Tensor
from torch.nn import functional as F

BLUR_SHARE = 0.03  # standard deviation of the blur, as a share of the longer side


def blurred(errors: Tensor) -> Tensor:
    """Blur N,H,W errors with a Gaussian, edges repeated, so that a single pixel does not decide."""
    return gaussian_blur(errors, max(0.7, BLUR_SHARE * max(errors.shape[1:])))


def gaussian_blur(x: Tensor, sigma: float) -> Tensor:
    """Blur N,H,W with a Gaussian of `sigma` pixels, truncated at 2.5 sigma, edges repeated."""
    height, width = x.shape[1:]
    radius = min(int(2.5 * sigma), height - 1, width - 1)
    if radius < 1:
        return x
    offsets = torch.arange(-radius, radius + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = kernel / kernel.sum()
    padded = F.pad(x[:, None], (radius, radius, radius, radius), mode="replicate")
    return F.conv2d(F.conv2d(padded, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))[:, 0]
