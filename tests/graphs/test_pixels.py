"""Stored pixels as values of networks: the same in the graph as in training, for every type and number of channels."""

import numpy as np
import pytest
import torch

from sablier.baselines import thumbnails
from sablier.graphs.constants import constant
from sablier.graphs.pixels import Scaled, thumbnails_of
from sablier.images import ImageSet, Preprocess
from sablier.images.packed_mask import packed
from sablier.transforms.batches import Batches

RANGES = {
    "uint8": {"black": 0.0, "white": 255.0},
    "uint16": {"black": 0.0, "white": 1023.0},
    "float32": {"black": -2.5, "white": 40.0},
    "unbounded": {"black": -2.5, "white": 40.0, "bounded": False},
}


def rule_of(kind, channels, sides=(9, 7), **more):
    dtype = "float32" if kind == "unbounded" else kind
    return Preprocess(height=sides[0], width=sides[1], channels=channels, dtype=dtype, **RANGES[kind], **more)


def stored(rule, count=5):
    """Return pixels over the whole range of the type, floats far beyond black and white among them."""
    random = np.random.default_rng(0)
    shape = (count, rule.height, rule.width, rule.channels)
    if rule.dtype == "float32":
        return random.uniform(-200, 200, shape).astype(np.float32)
    return random.integers(0, np.iinfo(rule.dtype).max, shape, endpoint=True).astype(rule.dtype)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", list(RANGES))
def test_the_values_are_those_that_networks_are_trained_on(kind, channels):
    rule = rule_of(kind, channels)
    pixels = stored(rule)
    found = Scaled(rule)(torch.from_numpy(pixels))
    assert found.dtype == torch.float32
    assert found.shape == (5, channels, 9, 7)
    torch.testing.assert_close(found, Batches(ImageSet(pixels), rule).take(slice(None)).x, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found.permute(0, 2, 3, 1), rule.scaled(pixels), rtol=1e-6, atol=1e-6)
    clipped = kind in ("uint16", "float32")
    assert (float(found.max()) == 2) is clipped
    assert (float(found.min()) < -1.5) is (kind == "unbounded")


def test_black_and_white():
    for kind in RANGES:
        rule = rule_of(kind, 1, (1, 2))
        pixels = np.array([rule.black, rule.white], rule.dtype).reshape(1, 1, 2, 1)
        np.testing.assert_allclose(Scaled(rule)(torch.from_numpy(pixels)).flatten(), [0, 1], atol=1e-7)


@pytest.mark.parametrize("kind", list(RANGES))
def test_ignored_pixels_are_in_the_middle_of_the_range_whatever_they_hold(kind):
    ignored = np.zeros((9, 7), bool)
    ignored[2:4, 1:6] = True
    rule = rule_of(kind, 3, ignored=packed(ignored))
    pixels = stored(rule)
    found = Scaled(rule)(torch.from_numpy(pixels))
    expected = Batches(ImageSet(rule.covered(pixels)), rule).take(slice(None)).x
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found[:, :, 2:4, 1:6], 0.5, atol=0.003)
    assert float(found[:, :, 4:].std()) > 0.1


@pytest.mark.parametrize("sides", [(32, 20), (40, 33), (96, 64), (33, 100)])
@pytest.mark.parametrize(("kind", "channels"), [("uint8", 1), ("uint8", 3), ("uint16", 1), ("float32", 3)])
def test_thumbnails_are_those_of_the_baselines(kind, channels, sides):
    rule = rule_of(kind, channels, sides)
    pixels = stored(rule, 3)
    found = thumbnails_of(Scaled(rule)(torch.from_numpy(pixels)), rule)
    np.testing.assert_allclose(found, thumbnails(pixels, rule), rtol=1e-5, atol=1e-5)


def test_a_constant_is_a_copy_that_no_optimizer_changes():
    values = np.arange(3.0)
    found = constant(values)
    values[0] = 9
    assert found.tolist() == [0, 1, 2]
    assert found.dtype == torch.float64
    assert not found.requires_grad
    assert [constant(np.zeros(2, kind)).dtype for kind in (np.float32, np.int64, np.uint8)] == [
        torch.float32,
        torch.int64,
        torch.uint8,
    ]
