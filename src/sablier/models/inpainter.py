"""The inpainter: a small U-Net that predicts hidden places, with their uncertainty, from their surroundings.

It works on squares of pixels as channels (Zhang, Zuo and Zhang 2018), and at three coarser levels (U-Net; Ronneberger,
Fischer and Brox 2015). With its uncertainty, a rough surface may vary more than a smooth one before it is anomalous.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sablier.models.base import Model
from sablier.models.blocks import Down, Residual, Up
from sablier.models.registry import register

CELL = 4  # pixels a side of the finest cell of the network
LEVELS = 4  # each coarser one at half the resolution and with twice the channels of the first
CONTRAST = 0.25  # inputs are divided by it and outputs multiplied: about the spread of a photo's pixels
DARKEST_GUESS, SURENESS = -6.0, 8.0  # logarithms of the variance: at the start of training, and the largest deviation


class Inpainter(Model):
    """Residual blocks at a quarter of the resolution and at three coarser levels, with skip connections; any size."""

    capabilities = frozenset({"inpaint", "any_size"})

    def __init__(self, shape: tuple[int, int, int], width: int) -> None:
        super().__init__(shape)
        channels = shape[2]
        widths = [width, *[2 * width] * (LEVELS - 1)]
        self.enter = nn.Conv2d(CELL**2 * (channels + 1), width, 3, padding=1)
        self.before = nn.ModuleList(Residual(each) for each in widths)
        self.down = nn.ModuleList(Down(fine, coarse) for fine, coarse in pairwise(widths))
        self.up = nn.ModuleList(Up(coarse, fine) for fine, coarse in pairwise(widths))
        self.after = nn.ModuleList(Residual(each) for each in widths[:-1])
        self.leave = nn.Conv2d(width, CELL**2 * (channels + 1), 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]  # a Conv2d made with one

    def inpaint(self, x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        height, width = x.shape[2:]
        unit = CELL * 2 ** (LEVELS - 1)
        beyond = (0, -width % unit, 0, -height % unit)
        shown = 1 - hidden
        level = (x * shown).sum(dim=(2, 3), keepdim=True) / shown.sum(dim=(2, 3), keepdim=True).clamp_min(1)
        seen = torch.cat([(x - level) * shown / CONTRAST, hidden], dim=1)
        y = self.enter(F.pixel_unshuffle(F.pad(seen, beyond), CELL))
        levels = []
        for number, block in enumerate(self.before):
            y = block(self.down[number - 1](y) if number else y)
            levels.append(y)
        for number in reversed(range(LEVELS - 1)):
            y = self.after[number](levels[number] + self.up[number](y))
        answer = F.pixel_shuffle(self.leave(F.gelu(y)).float(), CELL)[:, :, :height, :width]
        mean, variance = answer[:, :-1], answer[:, -1:]
        return level + CONTRAST * mean, DARKEST_GUESS + SURENESS * torch.tanh(variance / SURENESS * 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return the prediction of the upper left quarter of each image from the rest."""
        hidden = torch.zeros_like(x[:, :1])
        hidden[:, :, : x.shape[2] // 2, : x.shape[3] // 2] = 1
        return self.inpaint(x, hidden)[0]


@register
def inpainter(shape: tuple[int, int, int], *, width: int = 32) -> Model:
    """U-Net with `width` channels at its finest level, which predicts a mean and a variance for hidden pixels."""
    return Inpainter(shape, width)
