"""Building blocks shared by the models. Shapes are N,C,H,W."""

from torch import Tensor, nn
from torch.nn import functional as F


class Residual(nn.Module):
    """Two 3x3 convolutions added to their input; starts as the identity (He et al. 2016; Zhang et al. 2019)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]  # a Conv2d with a bias

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.second(F.gelu(self.first(F.gelu(x))))
        return result


class Down(nn.Module):
    """Halve height and width with a strided 4x4 convolution."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels_in, channels_out, 4, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.convolution(x)
        return result


class Up(nn.Module):
    """Double height and width: nearest neighbour, then a 3x3 convolution."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels_in, channels_out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.convolution(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return result
