"""The segmenter: a small U-Net that says of every pixel how much it looks like part of a defect.

It sees fine detail as channels (Zhang, Zuo and Zhang 2018) and the whole image at its coarsest level, so that it learns both
what a surface looks like and where a part should be (U-Net, Ronneberger, Fischer and Brox 2015).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sablier.models.base import Model
from sablier.models.blocks import Down, Residual, Up
from sablier.models.registry import register

LEVELS = 4  # each but the first halves the resolution and doubles the channels, up to four times the first
MOST_LOOKED_AT = 64  # images that the first filters are scaled on
SMALLEST_SPREAD = 1e-3
RARE = 0.01  # share of defective pixels that an untrained network assumes


class Segmenter(Model):
    """Residual blocks on cells of a few pixels, and at a half to an eighth of their resolution, with skip connections."""

    capabilities = frozenset({"segment", "any_size"})

    def __init__(self, shape: tuple[int, int, int], width: int, cell: int) -> None:
        super().__init__(shape)
        self.cell = cell
        widths = [width * min(2**level, 4) for level in range(LEVELS)]
        self.enter = nn.Conv2d(cell**2 * shape[2], width, 5, padding=2)
        self.before = nn.ModuleList(Residual(each) for each in widths)
        down = [Down(fine, coarse) for fine, coarse in pairwise(widths)]
        up = [Up(coarse, fine) for fine, coarse in pairwise(widths)]
        self.down, self.up = nn.ModuleList(down), nn.ModuleList(up)
        self.after = nn.ModuleList(Residual(each) for each in widths[:-1])
        self.leave = nn.Conv2d(width, 1, 3, padding=1)
        for convolution in (self.enter, *(each.convolution for each in down), *(each.convolution for each in up)):
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="linear")  # the default shrinks what passes through each
        nn.init.zeros_(self.leave.weight)
        nn.init.constant_(self.leave.bias, torch.logit(torch.tensor(RARE)).item())  # type: ignore[arg-type]  # made with a bias

    @torch.no_grad()
    def initialise(self, images: Tensor, seed: int) -> None:
        """Scale the first filters so that their answers have mean 0 and spread 1 (Salimans and Kingma 2016).

        Every other filter answers to detail alone: that is much fainter than light and shade, and would be drowned in it.
        """
        self.enter.weight[::2] -= self.enter.weight[::2].mean(dim=(2, 3), keepdim=True)
        answers = self._entered(images[:MOST_LOOKED_AT])
        spread, mean = torch.std_mean(answers, dim=(0, 2, 3))
        spread = spread.clamp_min(SMALLEST_SPREAD)
        bias: Tensor = self.enter.bias  # type: ignore[assignment]  # a Conv2d made with one
        bias.copy_((bias - mean) / spread)
        self.enter.weight /= spread.view(-1, 1, 1, 1)

    def segment(self, x: Tensor) -> Tensor:
        """Return the logit of each pixel being part of a defect, N,1,H,W."""
        height, width = x.shape[2:]
        y = self._entered(x)
        levels = []
        for level, block in enumerate(self.before):
            y = block(self.down[level - 1](y) if level else y)
            levels.append(y)
        for level in reversed(range(LEVELS - 1)):
            y = self.after[level](levels[level] + self.up[level](y))
        logits = F.interpolate(self.leave(F.gelu(y)).float(), scale_factor=self.cell, mode="bilinear")
        return logits[:, :, :height, :width]

    def _entered(self, x: Tensor) -> Tensor:
        """Return the answers of the first filters, N,width,h,w, with h and w multiples of the coarsest cell."""
        height, width = x.shape[2:]
        unit = self.cell * 2 ** (LEVELS - 1)
        padded = F.pad(x, (0, -width % unit, 0, -height % unit), mode="replicate")
        answers: Tensor = self.enter(F.pixel_unshuffle(padded, self.cell))
        return answers

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        return self.segment(x)


@register
def segmenter(shape: tuple[int, int, int], *, width: int = 32, cell: int = 2) -> Model:
    """A U-Net that outlines defects in cells of `cell` pixels; `width` channels there, four times as many at the coarsest."""
    return Segmenter(shape, width, cell)
