"""The classifier of transformations: a few wide convolutions with batch normalisation, quick to train on a CPU.

Each stage halves the image right after its first convolution, so most computation is on few pixels (the layout of airbench;
Jordan 2024).
"""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from sablier.models.base import Model
from sablier.models.registry import register

STAGES = 3


class Stage(nn.Module):
    """Convolve, halve, normalise; convolve, normalise."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
        self.second = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels_out) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        y = F.gelu(self.norms[0](F.max_pool2d(y, 2, ceil_mode=True)))
        return F.gelu(self.norms[1](self.second(y)))


class ConvNet(Model):
    """Three stages of convolutions, global max pooling, and one linear layer."""

    capabilities = frozenset({"classify"})

    def __init__(self, shape: tuple[int, int, int], classes: int, width: int) -> None:
        super().__init__(shape)
        widths = [width, width, 2 * width, 4 * width]
        self.stem = nn.Conv2d(shape[2], width, 3, padding=1)
        self.stages = nn.Sequential(*(Stage(before, after) for before, after in pairwise(widths)))
        self.head = nn.Linear(widths[-1], classes)

    def classify(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.stages(F.gelu(self.stem(x - 0.5))).amax(dim=(2, 3)))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(x)


@register
def convnet(shape: tuple[int, int, int], *, classes: int = 10, width: int = 32) -> Model:
    """Three stages of convolutions to `classes` logits; `width` features at the first stage, four times as many at the last."""
    return ConvNet(shape, classes, width)
