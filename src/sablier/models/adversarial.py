"""A GAN (Goodfellow et al. 2014) as one model: a generator of images and a discriminator.

Both have residual blocks and leaky ReLU, and no normalisation (R3GAN; Huang et al. 2024). The output of the discriminator
has no absolute meaning: only differences between images are used.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sablier.models.base import Model
from sablier.models.blocks import Up
from sablier.models.registry import register

LEAK = 0.03  # of the generator's last sigmoid
SLOPE = 0.2  # of the leaky ReLU, for negative values
COARSEST = 7  # pixels of the longer side at which halving ends
MOST_DOUBLINGS = 2  # of the width, however many times an image is halved
DARKEST, BRIGHTEST = 0.02, 0.98  # range of the generator's first, uniform image


class AdversarialPair(Model):
    """A generator of images from N,latent normal numbers, and a discriminator with one output per image, N.

    In training, the generator may exceed 0 and 1. With a saturating output, one long step could leave all images black,
    without a gradient to recover. Samples are clipped.
    """

    capabilities = frozenset({"sample"})

    def __init__(self, shape: tuple[int, int, int], latent: int, generator: nn.Module, discriminator: nn.Module) -> None:
        super().__init__(shape)
        self.latent, self.generator, self.discriminator = latent, generator, discriminator

    def generate(self, z: Tensor) -> Tensor:
        """Return the images of N,latent codes."""
        images: Tensor = self.generator(z)
        return images

    def discriminate(self, x: Tensor) -> Tensor:
        """Return how real each image looks, N, float32; only differences have a meaning."""
        answers: Tensor = self.discriminator(2 * x - 1)
        return answers.float().squeeze(1)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        z = torch.randn(count, self.latent, generator=generator, device=generator.device)
        return self.generate(z.to(next(self.parameters()).device)).float().clamp(0, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return how much more real each image looks than a generated one, N."""
        return self.discriminate(x) - self.discriminate(self.sample(len(x), torch.Generator().manual_seed(0)))


class LeakyResidual(nn.Module):
    """Two 3x3 convolutions added to their input; it starts as the identity, so depth needs no normalisation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.second(leaky(self.first(leaky(x))))
        return result


class Generator(nn.Module):
    """Levels from the coarsest to the finest: a residual block, then twice the resolution."""

    def __init__(self, shape: tuple[int, int, int], latent: int, width: int) -> None:
        super().__init__()
        self.sides = level_sides(shape[:2])
        widths = level_widths(width, len(self.sides))
        height, across = self.sides[-1]
        self.enter = nn.Linear(latent, widths[-1] * height * across)
        self.blocks = nn.ModuleList(LeakyResidual(each) for each in widths[:0:-1] or widths)
        self.up = nn.ModuleList(Up(coarse, fine) for coarse, fine in pairwise(widths[::-1]))
        self.leave = nn.Conv2d(widths[0], shape[2], 3, padding=1)
        start(self, self.leave)

    def forward(self, z: Tensor) -> Tensor:
        height, across = self.sides[-1]
        # In channels-last memory from the start.
        x = self.enter(z).reshape(len(z), height, across, -1).permute(0, 3, 1, 2)
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number < len(self.up):
                rows, columns = self.sides[-2 - number]
                x = self.up[number](leaky(x))[:, :, :rows, :columns]
        y = self.leave(leaky(x)).float()
        images: Tensor = torch.sigmoid(4 * y - 2) + LEAK * y  # of slope 1 in the middle
        return images


class Discriminator(nn.Module):
    """Levels from half the resolution to the coarsest: a residual block, then half the resolution; then two dense layers."""

    def __init__(self, shape: tuple[int, int, int], width: int) -> None:
        super().__init__()
        sides = level_sides(shape[:2])
        widths = level_widths(width, len(sides))
        if len(sides) == 1:
            self.enter = nn.Conv2d(shape[2], widths[0], 3, padding=1)
        else:
            self.enter = nn.Conv2d(shape[2], widths[1], 4, stride=2, padding=1)
        self.blocks = nn.ModuleList(LeakyResidual(each) for each in widths[1:] or widths)
        self.down = nn.ModuleList(nn.Conv2d(fine, coarse, 4, stride=2, padding=1) for fine, coarse in pairwise(widths[1:]))
        height, across = sides[-1]
        self.gather = nn.Linear(widths[-1] * height * across, 8 * width)
        # The loss uses differences, which a bias would not change.
        self.leave = nn.Linear(8 * width, 1, bias=False)
        start(self, self.leave)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(even(x) if self.enter.stride == (2, 2) else x)
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number < len(self.down):
                x = self.down[number](even(leaky(x)))
        answer: Tensor = self.leave(leaky(self.gather(leaky(x).flatten(1))))
        return answer


def leaky(x: Tensor) -> Tensor:
    """Return the leaky ReLU."""
    return F.leaky_relu(x, SLOPE)


def even(x: Tensor) -> Tensor:
    """Return the images padded with zeros to an even height and width."""
    height, width = x.shape[2:]
    return F.pad(x, (0, width % 2, 0, height % 2)) if height % 2 or width % 2 else x


def level_sides(sides: tuple[int, int]) -> list[tuple[int, int]]:
    """Return height and width at each level, from that of the image to the coarsest.

    >>> level_sides((28, 28))
    [(28, 28), (14, 14), (7, 7)]
    """
    levels = [sides]
    while max(levels[-1]) > COARSEST:
        height, width = levels[-1]
        levels.append((-(-height // 2), -(-width // 2)))
    return levels


def level_widths(width: int, levels: int) -> list[int]:
    """Return the channels at each level: `width` at half the resolution, and twice as many one level coarser.

    >>> level_widths(32, 4)
    [16, 32, 64, 64]
    """
    return [-(-width // 2), *(width * 2 ** min(level, MOST_DOUBLINGS - 1) for level in range(levels - 1))]


@torch.no_grad()
def start(net: nn.Module, last: nn.Module) -> None:
    """Set weights that keep the variance of activations (He et al. 2015); residual branches and biases start at zero."""
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    for layer in layers:
        nn.init.kaiming_normal_(layer.weight, a=1.0 if layer is last else SLOPE)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    for block in net.modules():
        if isinstance(block, LeakyResidual):
            nn.init.zeros_(block.second.weight)


class Gan(AdversarialPair):
    """A GAN for images, of convolutions."""

    generator: Generator

    def __init__(self, shape: tuple[int, int, int], latent: int, width: int, discriminator_width: int) -> None:
        super().__init__(shape, latent, Generator(shape, latent, width), Discriminator(shape, discriminator_width))

    @torch.no_grad()
    def initialise(self, images: Tensor, seed: int) -> None:
        """Set the mean brightness of the generator's first images to that of the images."""
        bias = self.generator.leave.bias
        assert bias is not None  # a Conv2d made with one
        bias.copy_((torch.logit(images.mean(dim=(0, 2, 3)).clamp(DARKEST, BRIGHTEST)) + 2) / 4)


@register
def gan(shape: tuple[int, int, int], *, latent: int = 64, width: int = 32, discriminator_width: int = 16) -> Model:
    """Generator from `latent` numbers, and discriminator, with so many channels at half the resolution."""
    return Gan(shape, latent, width, discriminator_width)
