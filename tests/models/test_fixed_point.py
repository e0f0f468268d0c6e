"""Layers whose sums are exact: the same to the bit in any order, and close to what was trained."""

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from sablier.errors import ConfigError
from sablier.models import create_model
from sablier.models.fixed_point import IMAGE_BITS, SUM_BITS, FixedConv2d, FixedLinear, fixed, weight_bits


@pytest.mark.parametrize("scale", [0.1, 1, 30])
@pytest.mark.parametrize("channels", [1, 7, 128])
def test_convolutions_are_exact(channels, scale):
    torch.manual_seed(0)
    layer = FixedConv2d(channels, 9, 3, padding=1).eval()
    with torch.no_grad():
        layer.weight.mul_(scale)
        x = 20 * torch.randn(5, channels, 11, 8)
        bits = weight_bits(layer.weight)
        values = (x.clamp(-16, 16).double() * 2**IMAGE_BITS).round()
        weight = (layer.weight.double() * 2**bits).round()
        layer.bias.mul_(1000)
        most = 2.0 ** (SUM_BITS - bits)
        bias = (layer.bias.double().clamp(-most, most) * 2 ** (IMAGE_BITS + bits)).round()
        assert (F.conv2d(values.abs(), weight.abs(), bias.abs(), padding=1) < 2**24).all()
        expected = F.conv2d(values, weight, bias, padding=1) / 2 ** (IMAGE_BITS + bits)
        assert torch.equal(layer(x).double(), expected)


@pytest.mark.filterwarnings("ignore:TF32")
def test_convolutions_are_exact_on_other_ways_too():
    torch.manual_seed(0)
    layer, x = FixedConv2d(64, 64, 3, padding=1).eval(), 5 * torch.randn(17, 64, 14, 14)
    with torch.no_grad():
        expected = layer(x)
        with torch.backends.mkldnn.flags(enabled=False):
            assert torch.equal(layer(x), expected)
            assert torch.equal(torch.cat([layer(image[None]) for image in x]), expected)


def test_kernels_that_cannot_be_exact_are_refused():
    with pytest.raises(ConfigError, match="Choose a smaller width"):
        weight_bits(torch.zeros(1, 1800, 3, 3))


def test_linear_layers_are_exact_in_any_order():
    torch.manual_seed(0)
    layer, x = FixedLinear(3000, 5).eval(), 30 * torch.randn(4, 3000)
    order = torch.randperm(3000)
    with torch.no_grad():
        before = layer(x)
        layer.weight.copy_(layer.weight[:, order])
        assert torch.equal(layer(x[:, order]), before)
        assert not torch.equal(F.linear(x, layer.weight), F.linear(x[:, order.argsort()], layer.weight[:, order.argsort()]))


def test_rounding_changes_little():
    torch.manual_seed(0)
    for layer, x in ((FixedLinear(100, 50), torch.randn(9, 100)), (FixedConv2d(32, 32, 3), torch.randn(9, 32, 8, 8))):
        learning, resting = layer.train()(x), layer.eval()(x)
        assert (learning - resting).abs().max() < 0.05
        assert 0 < (learning - resting).abs().mean() < 0.01


def test_what_lies_beyond_is_cut_off():
    assert fixed(torch.tensor([1e30, -1e30, 0.5])).tolist() == [256, -256, 0.5]


def test_a_compressor_draws_the_same_whatever_the_company_and_the_layout():
    torch.manual_seed(0)
    model: Any = create_model("compressor", (21, 30, 3), latent=12, width=16)
    model.initialise(torch.rand(40, 3, 21, 30), 0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        codes = torch.randn(33, 12)
        together = model.eval().decode(codes)
        assert torch.equal(torch.cat([model.decode(code[None]) for code in codes]), together)
        assert torch.equal(model.to(memory_format=torch.channels_last).decode(codes), together)
        assert (model.train().decode(codes) - together).abs().mean() < 0.05
