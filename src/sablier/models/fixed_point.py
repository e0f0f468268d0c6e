"""Layers with fixed-point numbers in eval mode, for results that are bit-equal on every machine.

A floating-point sum depends on the order of addition, and so on the number of threads and images, unless every partial sum
is exact. So inputs and weights are rounded to multiples of a power of two. They are coarse enough that sums of their
products fit a floating-point number: 53 bits in double precision for `FixedLinear`, 24 in single precision for
`FixedConv2d`, which is many times faster there. Elementwise operations need no such care. In training, the layers compute as
usual.
"""

import torch
from torch import Tensor, nn
from torch.backends import nnpack
from torch.nn import functional as F

from sablier.errors import ConfigError

# Of `FixedLinear`: bits after the point, and the limits of values and weights. Sums of 2 ** 16 products are exact.
VALUE_BITS, LARGEST_VALUE = 12, 256.0
WEIGHT_BITS, LARGEST_WEIGHT = 14, 8.0
# Of `FixedConv2d`: values have 10 bits and a sign, so the weights in one sum may have 14 bits together.
IMAGE_BITS, LARGEST_IMAGE = 6, 16.0
SUM_BITS = 14
ROOM = 1024  # left for the bias, and for rounding


def fixed(x: Tensor) -> Tensor:
    """Return values as fixed-point numbers in double precision, clipped at +-256.

    >>> fixed(torch.tensor([0.1, 1e9])).tolist()
    [0.10009765625, 256.0]
    """
    return _rounded(x.double().clamp(-LARGEST_VALUE, LARGEST_VALUE), VALUE_BITS)


def _rounded(x: Tensor, bits: int) -> Tensor:
    scale = float(2**bits)
    found: Tensor = torch.round(x * scale) / scale
    return found


class FixedLinear(nn.Linear):
    """A fully connected layer, exact in eval mode; it then takes and returns fixed-point numbers in double precision."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return super().forward(x)
        weight = _rounded(self.weight.double().clamp(-LARGEST_WEIGHT, LARGEST_WEIGHT), WEIGHT_BITS)
        return fixed(F.linear(fixed(x), weight, fixed(self.bias)))


class FixedConv2d(nn.Conv2d):
    """A convolution, exact in eval mode: in single precision, with inputs rounded to 1/64 and clipped at +-16."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return super().forward(x)
        assert self.bias is not None  # as it is made here
        bits = weight_bits(self.weight)
        largest_bias = float(2 ** (SUM_BITS - bits))  # ROOM times the largest value
        values = _rounded(x.float().clamp(-LARGEST_IMAGE, LARGEST_IMAGE), IMAGE_BITS)
        bias = _rounded(self.bias.clamp(-largest_bias, largest_bias), IMAGE_BITS + bits)
        # NNPACK may use Winograd's algorithm, whose sums are not of products.
        with nnpack.flags(enabled=False):
            found: Tensor = self._conv_forward(values, _rounded(self.weight, bits), bias)
        return found


def weight_bits(weight: Tensor) -> int:
    """Return to how many bits after the point a kernel out,in,h,w may be rounded so that its sums stay exact.

    Raises:
        ConfigError: for a kernel with too many values in one sum.

    >>> weight_bits(torch.full((1, 64, 3, 3), 0.05))
    9
    """
    flat = (weight.detach().double().flatten(1) * 2**WEIGHT_BITS).round().long().abs()
    most, terms = int(flat.sum(dim=1).max()), flat.shape[1]  # integers: the same in any order
    if terms + ROOM >= 2**SUM_BITS:
        raise ConfigError(
            f"expected a kernel of at most {2**SUM_BITS - ROOM - 1:,} values, got {terms:,}. Choose a smaller width."
        )
    dropped = 0
    while (most >> dropped) + terms + ROOM >= 2**SUM_BITS:
        dropped += 1
    return WEIGHT_BITS - dropped
