"""A classifier without normalisation or pooling, for adversarial training.

Normalisation mixes images of a batch, and attacked images are distributed differently from others. Two strided convolutions
are cheap, and an attack runs the network many times per step.
"""

import math

from torch import Tensor, nn
from torch.nn import functional as F

from sablier.models.base import Model
from sablier.models.registry import register


class StridedConvNet(Model):
    """Two convolutions that halve the image, and two dense layers."""

    capabilities = frozenset({"classify"})

    def __init__(self, shape: tuple[int, int, int], classes: int, width: int) -> None:
        super().__init__(shape)
        height, width_of_image, channels = shape
        self.first = nn.Conv2d(channels, width, 4, stride=2, padding=1)
        self.second = nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)
        # Images are padded to a multiple of four.
        sides = [4 * math.ceil(side / 4) for side in (height, width_of_image)]
        self.frame = sides[1] - width_of_image, sides[0] - height
        self.hidden_layer = nn.Linear(2 * width * (sides[0] // 4) * (sides[1] // 4), 16 * width)
        self.layer = nn.Linear(16 * width, classes)

    def classify(self, x: Tensor) -> Tensor:
        y = F.pad(x, (0, self.frame[0], 0, self.frame[1]))
        y = F.relu(self.second(F.relu(self.first(y))))
        logits: Tensor = self.layer(F.relu(self.hidden_layer(y.contiguous().flatten(1))))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(x)


@register
def strided_convnet(shape: tuple[int, int, int], *, classes: int = 10, width: int = 32) -> Model:
    """Two strided convolutions of `width` and twice as many features, and two dense layers, to `classes` logits."""
    return StridedConvNet(shape, classes, width)
