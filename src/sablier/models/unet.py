"""The denoiser: a small residual U-Net without biases, for images of any size.

Without biases, the output scales with the input, so the network generalises to other noise levels (Mohan, Kadkhodaie,
Simoncelli and Fernandez-Granda 2020). It works at half the resolution, on 2x2 pixels as four channels (Zhang, Zuo and Zhang
2018), and at one coarser level (Ronneberger, Fischer and Brox 2015).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sablier.models.base import Model
from sablier.models.registry import register

UNIT = 4  # pixels a side of a position at the coarser level


class Block(nn.Module):
    """Two 3x3 convolutions without biases, added to their input; starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(self.first.weight, nonlinearity="relu")
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.second(torch.relu(self.first(x)))
        return result


class NoiseLevel(nn.Module):
    """Estimate the noise level of images from pixels with and without noise, by trained statistics and their mean.

    What was removed has nearly the right magnitude; clipped noise, and noise where the image is uncertain, is missing in it.
    """

    def __init__(self, channels: int, width: int = 16) -> None:
        super().__init__()
        self.statistics = nn.Sequential(
            nn.Conv2d(2 * channels, width, 1), nn.ReLU(), nn.Conv2d(width, width, 1), nn.ReLU()
        )  # fmt: skip
        last = nn.Linear(4 * width, 1)
        nn.init.zeros_(last.weight)
        self.factor = nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(), last)

    def forward(self, noisy: Tensor, clean: Tensor) -> Tensor:
        removed = (noisy - clean).float().square().mean(dim=(1, 2, 3)).clamp_min(1e-12).sqrt()
        statistics = self.statistics(torch.cat([noisy, clean], dim=1)).float().mean(dim=(2, 3))
        return removed * torch.exp(self.factor(statistics)[:, 0].float())


class Unet(Model):
    """Residual blocks at a half and a quarter of the resolution, with a skip connection; also estimates the noise level."""

    capabilities = frozenset({"reconstruct", "denoise", "any_size"})

    def __init__(self, shape: tuple[int, int, int], width: int, blocks: int) -> None:
        super().__init__(shape)
        channels = shape[2]
        self.enter = nn.Conv2d(4 * channels, width, 3, padding=1, bias=False)
        self.before = nn.Sequential(*(Block(width) for _ in range(blocks)))
        self.down = nn.Conv2d(width, 2 * width, 2, stride=2, bias=False)
        self.below = nn.Sequential(*(Block(2 * width) for _ in range(2 * blocks)))
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2, bias=False)
        self.after = nn.Sequential(*(Block(width) for _ in range(blocks)))
        self.leave = nn.Conv2d(width, 4 * channels, 3, padding=1, bias=False)
        nn.init.zeros_(self.leave.weight)
        self.level = NoiseLevel(channels)

    def reconstruct(self, x: Tensor) -> Tensor:
        return self.denoise(x)[0]

    def denoise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        height, width = x.shape[2:]
        padded = F.pad(x, (0, -width % UNIT, 0, -height % UNIT), mode="replicate")
        fine = self.before(self.enter(F.pixel_unshuffle(padded, 2)))
        coarse = self.below(self.down(fine))
        noise = F.pixel_shuffle(self.leave(self.after(fine + self.up(coarse))), 2)
        clean = x - noise[:, :, :height, :width]
        return clean, self.level(x, clean.detach())


@register
def unet(shape: tuple[int, int, int], *, width: int = 48, blocks: int = 2) -> Model:
    """A bias-free residual U-Net that removes noise; `width` channels at half resolution, twice as many at a quarter."""
    return Unet(shape, width, blocks)
