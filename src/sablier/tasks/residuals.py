"""What a network makes of a batch of images: residuals at every depth, nuisances, error maps.

A good image is reconstructed well not only in its pixels: fed back through the encoder, the reconstruction excites the
same hidden layers (RaPP, Kim et al. 2020). All these residuals grow with how much there is to draw, whether or not it
belongs; how much there is, is measured too, so that it can be corrected for.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from sablier.models.base import Model

SMALLEST_RESIDUAL = 1e-8
SMALLEST_NUISANCE = 0.01
BLUR_SHARE = 0.03  # standard deviation of the heatmap's blur, as a share of the longer side


@dataclass(frozen=True)
class Residuals:
    """What a batch of N images left behind.

    Args:
        logarithms: N,J logarithms of the mean squared residual of the pixels and of each hidden layer.
        latent: N,latent codes.
        nuisances: N,U logarithms of how much there is to draw; U is 1, the mean absolute gradient.
        errors: N,H,W squared pixel errors, blurred, mean over channels.
        reconstruction: N,C,H,W in [0, 1].
    """

    logarithms: Tensor
    latent: Tensor
    nuisances: Tensor
    errors: Tensor
    reconstruction: Tensor


@torch.no_grad()
def residuals(model: Model, x: Tensor) -> Residuals:
    """Reconstruct N,C,H,W images and compare, at the pixels and at each hidden layer."""
    hidden = model.hidden(x)
    reconstruction = model.decode(hidden[-1]).clamp(0, 1)
    again = model.hidden(reconstruction)
    squared = (reconstruction - x) ** 2
    means = [squared, *((a - b) ** 2 for a, b in zip(hidden, again, strict=True))]
    logarithms = torch.stack([value.flatten(1).mean(dim=1) for value in means], dim=1).clamp_min(SMALLEST_RESIDUAL).log()
    return Residuals(logarithms, hidden[-1], nuisances(x), blurred(squared.mean(dim=1)), reconstruction)


def nuisances(x: Tensor) -> Tensor:
    """Return N,1: the logarithm of the mean absolute gradient, which stands for how many edges there are to draw.

    Brightness was tried beside it: it gains a point on digits and loses several on clothes (docs/LOG.md).
    """
    down = (x[:, :, 1:] - x[:, :, :-1]).abs().flatten(1).sum(dim=1)
    right = (x[:, :, :, 1:] - x[:, :, :, :-1]).abs().flatten(1).sum(dim=1)
    return ((down + right) / x[0].numel()).add(SMALLEST_NUISANCE).log()[:, None]


def blurred(errors: Tensor) -> Tensor:
    """Blur N,H,W errors with a Gaussian, edges repeated, so that a hot pixel takes a neighbourhood to agree."""
    height, width = errors.shape[1:]
    sigma = max(0.7, BLUR_SHARE * max(height, width))
    radius = min(int(2.5 * sigma), height - 1, width - 1)
    if radius < 1:
        return errors
    offsets = torch.arange(-radius, radius + 1, device=errors.device, dtype=errors.dtype)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = kernel / kernel.sum()
    padded = F.pad(errors[:, None], (radius, radius, radius, radius), mode="replicate")
    return F.conv2d(F.conv2d(padded, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))[:, 0]
