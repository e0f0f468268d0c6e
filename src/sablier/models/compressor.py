"""The autoencoder of the codec: its codes are rounded and counted in bits, and decoding gives the same pixels everywhere.

The encoder is that of `bottleneck`. The decoder computes in fixed-point numbers (fixed_point.py). Both have PCA as their
linear path, so training starts with the performance of PCA and rounding. Its axes have length 1: a change of a code changes
the image by as much, so one rounding step suits all numbers of a code.
"""

from itertools import pairwise
from math import log

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sablier.models.base import Model
from sablier.models.bottleneck import Bottleneck
from sablier.models.fixed_point import FixedConv2d, FixedLinear
from sablier.models.registry import register

CLOUDS = 3  # logistic distributions in the mixture for each number of a code, in training
LEAST_SHARE = 1e-9  # of a distribution in an interval: 30 bits in training


class FixedResidual(nn.Module):
    """Two 3x3 convolutions added to their input; starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = FixedConv2d(channels, channels, 3, padding=1)
        self.second = FixedConv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]  # made with one

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.second(F.relu(self.first(F.relu(x))))
        return result


class FixedUp(nn.Module):
    """Double height and width: a 3x3 convolution whose four outputs become the four pixels of an input pixel."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.convolution = FixedConv2d(channels_in, 4 * channels_out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(self.convolution(F.relu(x)), 2)


class Compressor(Bottleneck):
    """`bottleneck` with a fixed-point decoder, and the distributions that count the bits of a code in training."""

    capabilities = Bottleneck.capabilities | {"count_bits"}

    def __init__(self, shape: tuple[int, int, int], latent: int, width: int) -> None:
        super().__init__(shape, latent, width, linear_side=max(shape[:2]))
        widths = [2 * width] * (len(self.down) - 1) + [width]
        self.from_latent = FixedLinear(latent, self.from_latent.out_features)
        self.up = nn.Sequential(
            FixedResidual(widths[0]),
            *(nn.Sequential(FixedUp(before, after), FixedResidual(after)) for before, after in pairwise(widths)),
            FixedUp(widths[-1], shape[2]),
        )
        nn.init.zeros_(self.up[-1].convolution.weight)  # type: ignore[arg-type, union-attr]
        nn.init.zeros_(self.up[-1].convolution.bias)  # type: ignore[arg-type, union-attr]
        self.linear_out = FixedLinear(latent, self.linear_out.out_features)
        # One axis each, so that Muon does not update them.
        self.shares, self.middles, self.log_widths = (nn.Parameter(torch.zeros(latent * CLOUDS)) for _ in range(3))

    @torch.no_grad()
    def initialise(self, images: Tensor, seed: int) -> None:
        """Set the linear path to PCA of the images, and the distributions to the initial spread of the codes."""
        super().initialise(images, seed)
        spread = self.linear_out.weight.norm(dim=0).clamp_min(1e-3)
        self.linear_in.weight.mul_(spread[:, None])
        self.linear_in.bias.mul_(spread)
        self.linear_out.weight.div_(spread)
        self.middles.copy_((spread[:, None] * torch.linspace(-1, 1, CLOUDS)).flatten())
        self.log_widths.copy_((spread[:, None] / 2).log().repeat(1, CLOUDS).flatten())

    def count_bits(self, codes: Tensor, steps: Tensor) -> Tensor:
        """Return N: about how many bits N,latent codes take that were rounded to multiples of N `steps`."""
        latent = codes.shape[1]
        widths = self.log_widths.float().exp().view(latent, CLOUDS)
        distance = (codes.float()[:, :, None] - self.middles.view(latent, CLOUDS)) / widths
        half = steps[:, None, None] / (2 * widths)
        # The probability of a logistic distribution between two points, without the difference of two numbers near 1.
        upper, lower = -distance.abs() + half, -distance.abs() - half
        share = torch.sigmoid(upper) - torch.sigmoid(lower)
        found = (self.shares.view(latent, CLOUDS).float().softmax(dim=1) * share).sum(dim=2)
        bits: Tensor = -(found + LEAST_SHARE).log().sum(dim=1) / log(2)
        return bits

    def decode(self, z: Tensor) -> Tensor:
        """Return the images of codes; in eval mode bit-equal on every machine."""
        height, width, channels = self.shape
        detail = self.up(self.from_latent(z).view(-1, *self.grid))[:, :, :height, :width]
        whole: Tensor = detail + self.linear_out(z).view(-1, channels, height, width)
        return whole.float()


@register
def compressor(shape: tuple[int, int, int], *, latent: int = 64, width: int = 32) -> Model:
    """`bottleneck` with a decoder that is bit-equal everywhere; `latent` numbers, `width` channels at the first stage."""
    return Compressor(shape, latent, width)
