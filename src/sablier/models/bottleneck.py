"""The default autoencoder: residual convolutions to a latent of a few numbers, with PCA as its linear path.

Encoder and decoder each add a convolutional path to a linear one. The linear path starts as PCA of the training images, and
the convolutional path starts at zero. Training therefore starts at the error of PCA, the optimal linear autoencoder (Plaut
2018), and improves on it.
"""

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sablier.models.base import Model
from sablier.models.blocks import Down, Residual, Up
from sablier.models.registry import register

SMALLEST_SIDE = 6  # halving stops before the shorter side is below this
LINEAR_SIDE = 32  # the linear path works on images averaged to at most this size


class Bottleneck(Model):
    """Residual convolutions to `latent` numbers and back, for images of any size with 1 or 3 channels."""

    capabilities = frozenset({"encode", "decode", "reconstruct", "hidden"})

    def __init__(self, shape: tuple[int, int, int], latent: int, width: int, linear_side: int = LINEAR_SIDE) -> None:
        super().__init__(shape)
        height, image_width, channels = shape
        halvings = max(1, int(np.floor(np.log2(max(min(height, image_width) / SMALLEST_SIDE, 2)))))
        widths = [width] + [2 * width] * (halvings - 1)
        unit = 2**halvings
        self.padded = (-(-height // unit) * unit, -(-image_width // unit) * unit)
        self.grid = (widths[-1], self.padded[0] // unit, self.padded[1] // unit)
        flat = int(np.prod(self.grid))

        self.down = nn.ModuleList(
            nn.Sequential(Down(before, after), Residual(after)) for before, after in pairwise([channels, *widths])
        )
        self.to_latent = nn.Linear(flat, latent)
        self.from_latent = nn.Linear(latent, flat)
        self.up = nn.Sequential(
            Residual(widths[-1]),
            *(nn.Sequential(Up(before, after), Residual(after)) for before, after in pairwise(widths[::-1])),
            nn.GELU(),
            nn.Conv2d(widths[0], 4 * channels, 3, padding=1),
            nn.PixelShuffle(2),
        )
        for layer in (self.to_latent, self.up[-2]):
            nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

        shrink = min(1.0, linear_side / max(height, image_width))
        self.linear_size = (max(1, round(height * shrink)), max(1, round(image_width * shrink)))
        self.linear_in = nn.Linear(self.linear_size[0] * self.linear_size[1] * channels, latent)
        self.linear_out = nn.Linear(latent, self.linear_size[0] * self.linear_size[1] * channels)

    @torch.no_grad()
    def initialise(self, images: Tensor, seed: int) -> None:
        """Set the linear path to PCA of the images, scaled so that each latent has unit variance."""
        from sklearn.decomposition import PCA

        chosen = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:5000].to(images.device)
        flat = self._small(images[chosen]).flatten(1).cpu().numpy()
        latent = self.linear_in.out_features
        count = min(latent, *flat.shape)
        with np.errstate(invalid="ignore"):  # equal images have no variance to take shares of
            pca = PCA(count, svd_solver="randomized", random_state=seed).fit(flat)
        spread = np.sqrt(np.maximum(np.nan_to_num(pca.explained_variance_), 1e-8))  # NaN for a single image
        axes = torch.from_numpy(pca.components_.astype(np.float32))
        scale = torch.from_numpy(spread.astype(np.float32))
        mean = torch.from_numpy(pca.mean_.astype(np.float32))
        for layer in (self.linear_in, self.linear_out):
            layer.weight.zero_()
            layer.bias.zero_()
        self.linear_in.weight[:count] = axes / scale[:, None]
        self.linear_in.bias[:count] = -(axes @ mean) / scale
        self.linear_out.weight[:, :count] = (axes * scale[:, None]).T
        self.linear_out.bias.copy_(mean)

    def _small(self, x: Tensor) -> Tensor:
        small = x if x.shape[2:] == self.linear_size else F.adaptive_avg_pool2d(x, self.linear_size)
        return small.contiguous()

    def hidden(self, x: Tensor) -> list[Tensor]:
        height, width = x.shape[2:]
        y = F.pad(x - 0.5, (0, self.padded[1] - width, 0, self.padded[0] - height), mode="replicate")
        layers = []
        for stage in self.down:
            y = stage(y)
            layers.append(y)
        latent = self.to_latent(F.gelu(y).contiguous().flatten(1)) + self.linear_in(self._small(x).flatten(1))
        return [*layers, latent]

    def encode(self, x: Tensor) -> Tensor:
        return self.hidden(x)[-1]

    def decode(self, z: Tensor) -> Tensor:
        height, width, channels = self.shape
        detail = self.up(self.from_latent(z).view(-1, *self.grid))[:, :, :height, :width]
        base = self.linear_out(z).view(-1, channels, *self.linear_size)
        if self.linear_size != (height, width):
            base = F.interpolate(base, (height, width), mode="bilinear", align_corners=False)
        result: Tensor = detail + base
        return result


@register
def bottleneck(shape: tuple[int, int, int], *, latent: int = 16, width: int = 32) -> Model:
    """Residual convolutions to a latent of `latent` numbers; `width` channels at the first stage."""
    return Bottleneck(shape, latent, width)
