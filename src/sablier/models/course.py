"""The nets of the course, exactly: the presets its lessons are reproduced with.

`course_dense` is the dense autoencoder of the first lesson, 784-512-256-128-256-512-784, 1,132,944 parameters.
"""

import math

import torch
from torch import Tensor, nn

from sablier.models.base import Model
from sablier.models.registry import register


class CourseDense(Model):
    """Dense layers with ReLU down to the latent and back; a sigmoid at the end."""

    capabilities = frozenset({"encode", "decode", "reconstruct", "hidden"})

    def __init__(self, shape: tuple[int, int, int], latent: int) -> None:
        super().__init__(shape)
        pixels = math.prod(shape)
        self.encoder = nn.ModuleList([nn.Linear(pixels, 512), nn.Linear(512, 256), nn.Linear(256, latent)])
        self.decoder = nn.ModuleList([nn.Linear(latent, 256), nn.Linear(256, 512)])
        self.output = nn.Linear(512, pixels)

    @torch.no_grad()
    def initialise(self, images: Tensor, seed: int) -> None:
        """Scale the weights to ReLU (He, Zhang, Ren and Sun 2015) and let the output start at the mean image."""
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


def _flat(x: Tensor) -> Tensor:
    return x.contiguous().flatten(1)


@register
def course_dense(shape: tuple[int, int, int], *, latent: int = 128) -> Model:
    """The dense autoencoder of the course's first lesson."""
    return CourseDense(shape, latent)
