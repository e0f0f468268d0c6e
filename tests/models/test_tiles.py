"""A network computed in tiles gives what it gives of the whole image."""

from itertools import pairwise

import pytest
import torch

from sablier.models.base import layer_table
from sablier.models.efficientnet_lite import VIEWS, EfficientNetLite
from sablier.models.tiles import Layer, spans_of

WHOLE = 4096


@pytest.fixture(scope="module")
def networks():
    """Return the network of photos with some weights, whole and in tiles of two sizes."""
    torch.manual_seed(0)
    whole = EfficientNetLite((100, 100, 3), VIEWS, WHOLE).eval()
    others = [EfficientNetLite((100, 100, 3), VIEWS, tile).eval() for tile in (64, 120)]
    for other in others:
        other.load_state_dict(whole.state_dict())
    return whole, *others


@torch.no_grad()
@pytest.mark.parametrize("sides", [(192, 256), (201, 139), (65, 400), (130, 127)])
def test_every_view_is_that_of_the_whole_image(networks, sides):
    whole, *others = networks
    x = torch.rand(2, 3, *sides, generator=torch.Generator().manual_seed(1))
    expected = whole.describe(x)
    for other in others:
        for found, right in zip(other.describe(x), expected, strict=True):
            torch.testing.assert_close(found, right, rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_depthwise_activations_are_computed_in_tiles_too():
    taps = ["depthwise0", "depthwise3", "block4", "depthwise6"]
    whole, tiled = (EfficientNetLite((150, 170, 1), [taps], tile).eval() for tile in (WHOLE, 64))
    tiled.load_state_dict(whole.state_dict())
    x = torch.rand(1, 1, 150, 170)
    for name, right in whole.activations(x).items():
        torch.testing.assert_close(tiled.activations(x)[name], right, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("length", range(1, 40))
def test_tiles_make_every_place_once_from_what_the_image_has(length):
    layers = [Layer(3, 2), Layer(3, 1), Layer(5, 2)]
    made: list[int] = []
    for spans in spans_of(length, layers, 8):
        assert 0 <= spans[0].start < spans[0].stop <= length
        for before, after in pairwise(spans):
            assert (before.first, before.last) == (after.start, after.stop)
        for layer, span in zip(layers, spans, strict=True):
            read = span.before + span.stop - span.start + span.after
            assert (read - layer.kernel) // layer.stride + 1 == span.last - span.first
        made += range(spans[-1].first, spans[-1].last)
    assert made == list(range(-(-length // 4)))


@pytest.mark.parametrize(("side", "listed"), [(48, 48), (96, 64), (3000, 64)])
def test_the_layer_table_lists_a_part_of_a_large_image(side, listed):
    model = EfficientNetLite((side, side, 3), VIEWS, 64)
    rows = {row[0]: row[2] for row in layer_table(model)}
    assert model.listed_size == (listed, listed)
    assert rows["stem"] == f"32 x {listed // 2} x {listed // 2}"
    assert rows["blocks.4.project"] == f"40 x {listed // 8} x {listed // 8}"
