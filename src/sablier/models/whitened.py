"""The default classifier: wide convolutions after a fixed whitening layer.

The first layer whitens neighbouring pixels and is never trained (Page 2019). Convolutions start as the identity,
normalisation has no scale, and images are halved right after the first convolution of a stage, so few steps are enough
(airbench; Jordan 2024).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sablier.models.base import Model
from sablier.models.registry import register

PATCH_SIDE = 2  # pixels of the whitened patches; patches of 3 x 3 take twice as long and are no more accurate on digits
LEAST_SIDE = 10  # smaller images are padded: patches take a pixel, and three stages halve three times
SPREAD = 5e-4  # added to the variance of each direction, so that small ones are not amplified
WIDER = 4  # how many times wider the later stages are than the first
LOGIT_SCALE = 1 / 9
AT_ONCE = 100  # images whose patches are unfolded together


class Stage(nn.Module):
    """Convolve, halve, normalise; convolve, normalise."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
        self.second = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.norms = nn.ModuleList(Shift(channels_out) for _ in range(2))
        for layer in (self.first, self.second):
            nn.init.dirac_(layer.weight.data[: layer.weight.shape[1]])

    def forward(self, x: Tensor) -> Tensor:
        y = F.gelu(self.norms[0](F.max_pool2d(self.first(x), 2)))
        return F.gelu(self.norms[1](self.second(y)))


class Shift(nn.BatchNorm2d):
    """Batch normalisation with a shift and no scale, and with fast running statistics."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-12, momentum=0.4)
        self.register_parameter("weight", None)


class WhitenedConvNet(Model):
    """A whitening layer, three stages, global max pooling, and one linear layer."""

    capabilities = frozenset({"classify"})

    def __init__(self, shape: tuple[int, int, int], classes: int, width: int) -> None:
        super().__init__(shape)
        height, width_of_image, channels = shape
        self.frame = max(0, LEAST_SIDE - width_of_image), max(0, LEAST_SIDE - height)
        directions = channels * PATCH_SIDE**2
        self.filters: Tensor
        self.register_buffer("filters", torch.zeros(2 * directions, channels, PATCH_SIDE, PATCH_SIDE))
        self.bias = nn.Parameter(torch.zeros(2 * directions))
        widths = [2 * directions, width, WIDER * width, WIDER * width]
        self.stages = nn.Sequential(*(Stage(before, after) for before, after in pairwise(widths)))
        self.head = nn.Linear(widths[-1], classes, bias=False)
        nn.init.normal_(self.head.weight)

    def initialise(self, images: Tensor, seed: int) -> None:
        """Set the first layer from patches of training images: each principal direction at unit variance, with both signs."""
        size, count = self.filters[0].numel(), 0
        products = images.new_zeros((size, size), dtype=torch.float64)
        for some in torch.split(images, AT_ONCE):
            patches = F.unfold(self._framed(some).contiguous(), PATCH_SIDE).transpose(1, 2).flatten(0, 1).double()
            products, count = products + patches.T @ patches, count + len(patches)
        variances, directions = torch.linalg.eigh(products / count)
        found = (directions / (variances + SPREAD).sqrt()).T.view(-1, *self.filters.shape[1:])
        self.filters.copy_(torch.cat([found, -found]))

    def classify(self, x: Tensor) -> Tensor:
        y = self.stages(F.gelu(F.conv2d(self._framed(x), self.filters, self.bias)))
        logits: Tensor = self.head(y.amax(dim=(2, 3))) * LOGIT_SCALE
        return logits

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(x)

    def _framed(self, x: Tensor) -> Tensor:
        return F.pad(x, (0, self.frame[0], 0, self.frame[1]))


@register
def whitened_convnet(shape: tuple[int, int, int], *, classes: int = 10, width: int = 32) -> Model:
    """A whitening layer and three stages of convolutions to `classes` logits; `width` features, then four times as many."""
    return WhitenedConvNet(shape, classes, width)
