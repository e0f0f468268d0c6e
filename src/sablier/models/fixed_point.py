"""Layers that compute with fixed-point numbers when they do not learn, so that every machine gets the same result to the bit.

Weights are taken as multiples of 2 ** -14 below 8, and what flows between layers as multiples of 2 ** -12 below 256. Kept in
double precision, sums of up to 2 ** 16 products of these are exact, so the order in which a processor adds, which depends on the
number of threads and of images, makes no difference. In training the same layers compute in floating point as usual.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WEIGHT_BITS, VALUE_BITS = 14, 12  # after the point
LARGEST_WEIGHT, LARGEST_VALUE = 8.0, 256.0


def fixed(x: Tensor) -> Tensor:
    """Return values as fixed-point numbers in double precision; what lies beyond +-256 is cut off.

    >>> fixed(torch.tensor([0.1, 1e9])).tolist()
    [0.10009765625, 256.0]
    """
    return _rounded(x.double().clamp(-LARGEST_VALUE, LARGEST_VALUE), VALUE_BITS)


def fixed_weight(weight: Tensor) -> Tensor:
    """Return weights as fixed-point numbers in double precision; what lies beyond +-8 is cut off."""
    return _rounded(weight.double().clamp(-LARGEST_WEIGHT, LARGEST_WEIGHT), WEIGHT_BITS)


def _rounded(x: Tensor, bits: int) -> Tensor:
    scale = float(2**bits)
    found: Tensor = torch.round(x * scale) / scale
    return found


class FixedLinear(nn.Linear):
    """A fully connected layer, exact in eval mode. Its inputs must be fixed-point numbers then, or are made so."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return super().forward(x)
        return fixed(F.linear(fixed(x), fixed_weight(self.weight), fixed(self.bias)))


class FixedConv2d(nn.Conv2d):
    """A convolution, exact in eval mode. Its inputs must be fixed-point numbers then, or are made so."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return super().forward(x)
        assert self.bias is not None  # as it is made here
        return fixed(self._conv_forward(fixed(x), fixed_weight(self.weight), fixed(self.bias)))
