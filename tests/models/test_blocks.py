"""The four phases are the convolution they stand for."""

import pytest
import torch
from torch.nn import functional as F

from sablier.models.blocks import Up


@pytest.mark.parametrize("shape", [(2, 3, 1, 1), (2, 3, 4, 7), (1, 8, 7, 7)])
def test_up_is_nearest_neighbour_and_a_convolution_of_3_x_3(shape):
    up, x = Up(shape[1], 5), torch.randn(shape, requires_grad=True)
    plain = F.conv2d(F.interpolate(x, scale_factor=2), up.convolution.weight, up.convolution.bias, padding=1)
    assert torch.allclose(up(x), plain, atol=1e-5)
    gradients = [torch.autograd.grad(y.square().sum(), [x, *up.parameters()], retain_graph=True) for y in (up(x), plain)]
    for ours, theirs in zip(*gradients, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-3, atol=1e-4)
