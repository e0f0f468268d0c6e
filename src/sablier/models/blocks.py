"""Building blocks shared by the models. Shapes are N,C,H,W."""

import torch
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
    """Double height and width: nearest neighbour, then a 3x3 convolution, computed exactly in four phases.

    Each of the four output pixels of an input pixel depends on only 2x2 different inputs, so its nine weights fold into
    four. That is 2.25 times fewer multiplications, in one convolution with four times the channels. The parameter stays the
    3x3 kernel.
    """

    folds: Tensor

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        # Which of the three taps fall on the first and the second input row, for even and for odd output rows.
        folds = torch.tensor([[[1.0, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]])
        self.register_buffer("folds", folds, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        count, channels, height, width = x.shape
        out = self.convolution.out_channels
        kernel = torch.einsum("aik,bjl,ockl->abocij", self.folds, self.folds, self.convolution.weight)
        kernel = kernel.reshape(4 * out, channels, 2, 2).contiguous(memory_format=torch.channels_last)
        bias: Tensor = self.convolution.bias  # type: ignore[assignment]  # a Conv2d made with one
        grid = F.conv2d(x, kernel, bias.repeat(4), padding=1).permute(0, 2, 3, 1)
        grid = grid.reshape(count, height + 1, width + 1, 2, 2, out)
        rows = [torch.stack([grid[:, a : a + height, b : b + width, a, b] for b in (0, 1)], dim=3) for a in (0, 1)]
        return torch.stack(rows, dim=2).reshape(count, 2 * height, 2 * width, out).permute(0, 3, 1, 2)
