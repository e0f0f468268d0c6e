"""The classifiers of the course's lesson on them, as its text reads.

`course_softmax` is one layer from all pixels to the classes. `course_cnn` has two convolutions of 3x3 without padding, 32
and 64 filters, pooling, and two dense layers with dropout: 9,216-128-10 for digits of 28 x 28. As printed, there is no ReLU
after the second convolution, only pooling. Where the lesson drops whole channels after flattening, plain dropout is used.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sablier.models.base import Model
from sablier.models.registry import register

SMALLEST_SIDE = 6  # two convolutions take four pixels, and pooling needs two


class CourseSoftmax(Model):
    """Logits as weighted sums of pixels."""

    capabilities = frozenset({"classify"})

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__(shape)
        self.layer = nn.Linear(math.prod(shape), classes)

    def classify(self, x: Tensor) -> Tensor:
        logits: Tensor = self.layer(x.contiguous().flatten(1))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(x)


class CourseCnn(Model):
    """Convolve, convolve, pool, drop; dense, drop, dense."""

    capabilities = frozenset({"classify"})

    def __init__(self, shape: tuple[int, int, int], classes: int, filters: int) -> None:
        super().__init__(shape)
        height, width, channels = shape
        # Small images are padded, so that something is left after the convolutions.
        self.frame = max(0, SMALLEST_SIDE - width), max(0, SMALLEST_SIDE - height)
        height, width = max(height, SMALLEST_SIDE), max(width, SMALLEST_SIDE)
        self.first, self.second = nn.Conv2d(channels, filters, 3), nn.Conv2d(filters, 2 * filters, 3)
        self.hidden_layer = nn.Linear(2 * filters * ((height - 4) // 2) * ((width - 4) // 2), 128)
        self.layer = nn.Linear(128, classes)
        self.drop_features, self.drop_numbers = nn.Dropout2d(0.25), nn.Dropout(0.5)

    @torch.no_grad()
    def initialise(self, images: Tensor, seed: int) -> None:
        """Scale weights for ReLU (He, Zhang, Ren and Sun 2015), those of the last layer as linear (Glorot and Bengio 2010)."""
        generator = torch.Generator(self.layer.weight.device).manual_seed(seed)
        for layer in (self.first, self.second, self.hidden_layer):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
        nn.init.xavier_normal_(self.layer.weight, generator=generator)
        for layer in (self.first, self.second, self.hidden_layer, self.layer):
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # made with one

    def classify(self, x: Tensor) -> Tensor:
        y = F.pad(x, (0, self.frame[0], 0, self.frame[1]))
        y = self.drop_features(F.max_pool2d(self.second(F.relu(self.first(y))), 2))
        logits: Tensor = self.layer(self.drop_numbers(F.relu(self.hidden_layer(y.contiguous().flatten(1)))))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(x)


@register
def course_softmax(shape: tuple[int, int, int], *, classes: int = 10) -> Model:
    """The linear classifier of the course: all pixels to the classes, 7,850 parameters for digits."""
    return CourseSoftmax(shape, classes)


@register
def course_cnn(shape: tuple[int, int, int], *, classes: int = 10, filters: int = 32) -> Model:
    """The convolutional classifier of the course; `filters` in the first layer, and twice as many, 1,199,882 parameters."""
    return CourseCnn(shape, classes, filters)
