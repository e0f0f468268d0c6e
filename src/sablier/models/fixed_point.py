"""Layers that compute with fixed-point numbers when they do not learn, so that every machine gets the same result to the bit.

Where many products are added up, the result depends on the order in which a processor adds, and so on the number of threads and
of images; unless every partial sum is exact. So inputs and weights are rounded to multiples of a power of two, coarse enough that
sums of their products need no more digits than a floating-point number has: 53 in double precision, for `FixedLinear`, and 24 in
single precision, for `FixedConv2d`, which is many times faster there. What is done to single values needs no such care. In
training the same layers compute as usual.
"""

import torch
from torch import Tensor, nn
from torch.backends import nnpack
from torch.nn import functional as F

from sablier.errors import ConfigError

# Of `FixedLinear`: bits after the point, and where values and weights are cut off. Sums of 2 ** 16 products are exact.
VALUE_BITS, LARGEST_VALUE = 12, 256.0
WEIGHT_BITS, LARGEST_WEIGHT = 14, 8.0
# Of `FixedConv2d`: values have 10 bits beside their sign, so the weights that meet in one sum may have 14 together.
IMAGE_BITS, LARGEST_IMAGE = 6, 16.0
SUM_BITS = 14
ROOM = 1024  # left for the bias, and for what rounding adds


def fixed(x: Tensor) -> Tensor:
    """Return values as fixed-point numbers in double precision; what lies beyond +-256 is cut off.

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
    """A convolution, exact in eval mode: in single precision, from inputs that are rounded to 1/64 and cut off beyond +-16."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return super().forward(x)
        assert self.bias is not None  # as it is made here
        bits = weight_bits(self.weight)
        largest_bias = float(2 ** (SUM_BITS - bits))  # ROOM times the largest value
        values = _rounded(x.float().clamp(-LARGEST_IMAGE, LARGEST_IMAGE), IMAGE_BITS)
        bias = _rounded(self.bias.clamp(-largest_bias, largest_bias), IMAGE_BITS + bits)
        # NNPACK may take the way of Winograd, which adds up other things than products.
        with nnpack.flags(enabled=False):
            found: Tensor = self._conv_forward(values, _rounded(self.weight, bits), bias)
        return found


def weight_bits(weight: Tensor) -> int:
    """Return to how many bits after the point a kernel out,in,h,w may be rounded so that its sums stay exact.

    Raises:
        ConfigError: for a kernel that meets so many values in one sum that nothing could be exact.

    >>> weight_bits(torch.full((1, 64, 3, 3), 0.05))
    9
    """
    flat = (weight.detach().double().flatten(1) * 2**WEIGHT_BITS).round().long().abs()
    most, terms = int(flat.sum(dim=1).max()), flat.shape[1]  # whole numbers: the same in any order
    if terms + ROOM >= 2**SUM_BITS:
        raise ConfigError(
            f"expected a kernel of at most {2**SUM_BITS - ROOM - 1:,} values, got {terms:,}. Choose a smaller width."
        )
    dropped = 0
    while (most >> dropped) + terms + ROOM >= 2**SUM_BITS:
        dropped += 1
    return WEIGHT_BITS - dropped
