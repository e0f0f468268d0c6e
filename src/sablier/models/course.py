"""The autoencoders of the course, exactly as in its lessons.

`course_dense` is the dense autoencoder of the first lesson, 784-512-256-128-256-512-784, 1,132,944 parameters. `course_conv`
is the convolutional one of the second, 32-64-128 | 128-64-1 filters of 3x3, 314,625 parameters. Its code of 7 x 7 x 128 =
6,272 numbers for 784 pixels does not compress: it only reproduces the lesson and is never a default.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sablier.models.base import Model
from sablier.models.blocks import Up
from sablier.models.registry import register


class CourseDense(Model):
    """Dense layers with ReLU to the latent and back; a sigmoid at the end."""

    capabilities = frozenset({"encode", "decode", "reconstruct", "hidden"})

    def __init__(self, shape: tuple[int, int, int], latent: int) -> None:
        super().__init__(shape)
        pixels = math.prod(shape)
        self.encoder = nn.ModuleList([nn.Linear(pixels, 512), nn.Linear(512, 256), nn.Linear(256, latent)])
        self.decoder = nn.ModuleList([nn.Linear(latent, 256), nn.Linear(256, 512)])
        self.output = nn.Linear(512, pixels)

    @torch.no_grad()
    def initialise(self, images: Tensor, seed: int) -> None:
        """Scale the weights for ReLU (He, Zhang, Ren and Sun 2015), and start the output at the mean image."""
        generator = torch.Generator().manual_seed(seed)
        for layer in (*self.encoder, *self.decoder, self.output):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias)
        nn.init.xavier_normal_(self.output.weight, generator=generator)
        self.output.bias.copy_(torch.logit(_flat(images).mean(dim=0).clamp(0.01, 0.99)))

    def hidden(self, x: Tensor) -> list[Tensor]:
        layers = []
        hidden = _flat(x)
        for layer in self.encoder:
            hidden = torch.relu(layer(hidden))
            layers.append(hidden)
        return layers

    def encode(self, x: Tensor) -> Tensor:
        return self.hidden(x)[-1]

    def decode(self, z: Tensor) -> Tensor:
        for layer in self.decoder:
            z = torch.relu(layer(z))
        height, width, channels = self.shape
        return torch.sigmoid(self.output(z)).view(-1, channels, height, width)


class CourseConv(Model):
    """Convolutions with ReLU, two poolings down and two up-samplings back; a sigmoid at the end."""

    capabilities = frozenset({"encode", "decode", "reconstruct", "hidden"})

    def __init__(self, shape: tuple[int, int, int], filters: int) -> None:
        super().__init__(shape)
        height, width, channels = shape
        widths = (channels, filters, 2 * filters, 4 * filters)
        self.padded = (-(-height // 4) * 4, -(-width // 4) * 4)
        self.encoder = nn.ModuleList([nn.Conv2d(before, after, 3, padding=1) for before, after in pairwise(widths)])
        self.decoder = nn.ModuleList([nn.Conv2d(widths[3], widths[3], 3, padding=1), Up(widths[3], widths[2])])
        self.output = Up(widths[2], channels)

    @torch.no_grad()
    def initialise(self, images: Tensor, seed: int) -> None:
        """Scale the weights for ReLU (He, Zhang, Ren and Sun 2015), and start the output at the mean pixel."""
        generator = torch.Generator().manual_seed(seed)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # made with one
        nn.init.xavier_normal_(self.output.convolution.weight, generator=generator)
        mean = images.mean(dim=(0, 2, 3)).clamp(0.01, 0.99)
        self.output.convolution.bias.copy_(torch.logit(mean))  # type: ignore[union-attr]

    def hidden(self, x: Tensor) -> list[Tensor]:
        height, width = x.shape[2:]
        x = F.pad(x, (0, self.padded[1] - width, 0, self.padded[0] - height), mode="replicate")
        layers = []
        for index, layer in enumerate(self.encoder):
            x = layer(x)
            # Pooling before ReLU gives the same as after it, for a quarter of the numbers.
            x = torch.relu(F.max_pool2d(x, 2) if index < 2 else x)
            layers.append(x)
        return [*layers[:-1], _flat(x)]

    def encode(self, x: Tensor) -> Tensor:
        return self.hidden(x)[-1]

    def decode(self, z: Tensor) -> Tensor:
        height, width, _ = self.shape
        y = z.view(len(z), -1, self.padded[0] // 4, self.padded[1] // 4).contiguous(memory_format=torch.channels_last)
        for layer in self.decoder:
            y = torch.relu(layer(y))
        return torch.sigmoid(self.output(y))[:, :, :height, :width]


def _flat(x: Tensor) -> Tensor:
    return x.contiguous().flatten(1)


@register
def course_dense(shape: tuple[int, int, int], *, latent: int = 128) -> Model:
    """The dense autoencoder of the course's first lesson."""
    return CourseDense(shape, latent)


@register
def course_conv(shape: tuple[int, int, int], *, filters: int = 32) -> Model:
    """The convolutional autoencoder of the course's second lesson, with `filters`, then twice and four times as many."""
    return CourseConv(shape, filters)
