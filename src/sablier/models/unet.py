"""The denoiser: a small residual U-Net without biases, for images of any size.

Without biases the net scales with its input, so that it also works at noise levels it has not seen (Mohan, Kadkhodaie,
Simoncelli and Fernandez-Granda 2020). It works at half the resolution, on 2x2 pixels as four channels (Zhang, Zuo and
Zhang 2018), and has one coarser level below (Ronneberger, Fischer and Brox 2015).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sablier.models.base import Model
from sablier.models.registry import register

UNIT = 4  # pixels that one position of the coarser level stands for


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


class Unet(Model):
    """Residual blocks at a half and a quarter of the resolution, with a skip connection; also tells the noise level."""

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
        self.level = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, 1))
        nn.init.zeros_(self.leave.weight)

    def reconstruct(self, x: Tensor) -> Tensor:
        return self.denoise(x)[0]

    def denoise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        height, width = x.shape[2:]
        x = F.pad(x, (0, -width % UNIT, 0, -height % UNIT), mode="replicate")
        fine = self.before(self.enter(F.pixel_unshuffle(x, 2)))
        coarse = self.below(self.down(fine))
        noise = F.pixel_shuffle(self.leave(self.after(fine + self.up(coarse))), 2)
        return (x - noise)[:, :, :height, :width], self._level(fine.detach().float())

    def _level(self, features: Tensor) -> Tensor:
        # The mean size of the features grows with the image and its noise; what it is relative to gives the rest.
        sizes = features.abs().mean(dim=(2, 3))
        whole = sizes.mean(dim=1, keepdim=True).clamp_min(1e-6)
        return (whole * torch.exp(self.level(sizes / whole).float()))[:, 0]


@register
def unet(shape: tuple[int, int, int], *, width: int = 48, blocks: int = 2) -> Model:
    """A bias-free residual U-Net that removes noise; `width` channels at half resolution, twice as many at a quarter."""
    return Unet(shape, width, blocks)
