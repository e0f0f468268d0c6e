"""Backbones as networks: which outputs become views, what is refused, and in which words."""

import numpy as np
import pytest
import torch

from backbones import PATCH, Patches, pretended
from sablier.backbones import BackboneNetwork
from sablier.backbones.network import MOST_PLACES
from sablier.backbones.projection import MOST_FEATURES, with_fewer_features
from sablier.backbones.tokens import as_grid
from sablier.errors import BackboneError

SHAPE = (16, 24, 3)


def measured(run, shape=SHAPE, *taken, **options):
    return BackboneNetwork.measured(shape, pretended(run, *taken, **options))


def grid(x):
    """Means of patches."""
    return torch.nn.functional.avg_pool2d(x, PATCH)


def test_outputs_are_views_on_their_grids_and_in_their_order():
    network = measured(Patches(before=5))
    assert [(view.name, view.shape) for view in network.views] == [("grid", (12, 4, 6)), ("tokens", (5 + 24, 12))]
    x = torch.rand(3, 3, 16, 24)
    first, second = network.describe(x)
    assert first.shape == second.shape == (3, 12, 4, 6)
    torch.testing.assert_close(first, second)  # the same patches, row by row
    torch.testing.assert_close(network.describe(x[1:2])[1], second[1:2])


def test_it_is_shown_rgb_in_single_precision():
    shown = []
    network = measured(lambda x: shown.append(x) or {"a": grid(x)}, (16, 24, 1))
    grey = torch.rand(2, 1, 16, 24)
    network.describe(grey)
    assert shown[-1].shape == (2, 3, 16, 24)
    assert shown[-1].dtype == torch.float32
    assert all(torch.equal(channel, grey[:, 0]) for channel in shown[-1].unbind(1))
    assert all(0 <= float(x.min()) <= float(x.max()) <= 1 for x in shown)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_what_is_seen_fits_into_half_precision_whatever_its_unit(scale):
    network = measured(lambda x: {"a": grid(x) * scale})
    seen = network.describe(torch.rand(4, 3, 16, 24))[0]
    torch.testing.assert_close(seen.half().float(), seen, rtol=1e-3, atol=0)
    assert 0.5 < float(seen.square().mean().sqrt()) < 2
    far = network.describe(torch.full((1, 3, 16, 24), 1e8))[0]
    assert far.half().isfinite().all()


def test_half_precision_outputs_and_fine_grids_are_taken():
    network = measured(lambda x: {"half": grid(x).half(), "fine": torch.nn.functional.interpolate(x, scale_factor=5)})
    half, fine = network.describe(torch.rand(2, 3, 16, 24))
    assert half.dtype == torch.float32
    assert half.shape == (2, 3, 4, 6)
    assert fine.shape == (2, 3, MOST_PLACES, MOST_PLACES)


def test_many_features_are_made_fewer_and_keep_their_distances():
    many = torch.randn(1, 1000, 4, 6, generator=torch.Generator().manual_seed(0))
    fewer = with_fewer_features(many)
    assert fewer.shape == (1, MOST_FEATURES, 4, 6)
    places, less = many.flatten(2)[0].T, fewer.flatten(2)[0].T
    apart = torch.pdist(less) / MOST_FEATURES**0.5 / (torch.pdist(places) / 1000**0.5)
    assert 0.75 < float(apart.min()) < float(apart.max()) < 1.25
    assert torch.equal(with_fewer_features(many[:, :256]), many[:, :256])


def test_the_signs_are_those_of_every_version():
    # A model file does not keep them: other ones would make nonsense of it.
    rows = with_fewer_features(torch.eye(300)[:, :, None, None])[:, :, 0, 0]
    signs = (rows > 0).numpy()
    assert np.abs(rows.abs().numpy() - 300**-0.5).max() < 1e-6
    assert np.packbits(signs[:4, :16]).tolist() == [6, 171, 96, 215, 201, 145, 238, 62]


@pytest.mark.parametrize(
    ("count", "height", "width", "grid"),
    [
        (196, 224, 224, (14, 14)),
        (197, 224, 224, (14, 14)),  # a class token
        (257, 224, 224, (16, 16)),
        (1 + 4 + 1369, 518, 518, (37, 37)),  # and four registers
        (2 + 50, 80, 160, (5, 10)),
    ],
)
def test_tokens_lie_on_the_grid_of_their_patches(count, height, width, grid):
    before = count - grid[0] * grid[1]
    tokens = torch.arange(count).float()[None, :, None].expand(2, -1, 3)
    found = as_grid(tokens, height, width)
    assert found.shape == (2, 3, *grid)
    assert found[0, 0].flatten().tolist() == list(range(before, count))


@pytest.mark.parametrize(
    ("count", "side", "words"),
    [
        (200 + 10, 224, "210 tokens are no grid of square patches in images of 224 x 224"),
        (197, 230, "197 tokens are no grid"),
        (5, 64, "5 tokens fit patches of 32 or 64 pixels"),
    ],
)
def test_tokens_that_tell_no_grid_are_refused(count, side, words):
    with pytest.raises(ValueError, match=words):
        as_grid(torch.zeros(1, count, 3), side, side)
    with pytest.raises(
        BackboneError, match=f"output a to have a token for each patch, row by row, got {words}.*Export it as N,D,h,w"
    ):
        measured(lambda x: {"a": x.mean((2, 3))[:, None].expand(-1, count, -1)}, (side, side, 3))


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (lambda x: {"a": x.mean((2, 3))}, r"output a of shape N,D,h,w or N,tokens,D in floating point, got 2 x 3 of 2 images"),
        (lambda x: {"a": grid(x)[None]}, "got 1 x 2 x 3 x 4 x 6 of 2 images. Export only outputs"),
        (lambda x: {"a": grid(x)[:1]}, "got 1 x 3 x 4 x 6 of 2 images"),
        (lambda x: {"a": grid(x)[:, :0]}, "got 2 x 0 x 4 x 6 of 2 images"),
        (lambda x: {"a": grid(x).long()}, "in floating point, got type int64"),
        (lambda x: {"a": [grid(x)]}, "in floating point, got list"),
        (lambda x: {"a": grid(x) / 0}, "output a to hold numbers, got values that are infinite or not a number"),
        (lambda x: {"a": grid(x) * 0}, "differ between two images of noise, got zeros"),
        (lambda x: {}, "from 1 to 32 outputs, got 0"),
        (lambda x: {str(place): grid(x) for place in range(33)}, "from 1 to 32 outputs, got 33"),
        (lambda x: {"a": grid(x) - grid(x).mean(0)}, "same for an image alone and beside another, .*eval mode"),
        (lambda x: {"a": torch.nn.functional.dropout(grid(x), 0.1)}, "same for an image alone and beside another"),
        (lambda x: {"a": grid(x)[..., : 3 + len(x)]}, "same for an image alone and beside another"),
    ],
)
def test_what_does_not_describe_places_is_refused(run, words):
    with pytest.raises(BackboneError, match=f"backbone pretended.pt2: expected .*{words}"):
        measured(run)


def test_what_fails_names_the_images_it_was_given():
    def failing(x):
        raise AssertionError("Guard failed: x.size()[2] == 64\nand more")

    words = r"pretended.pt2 does not take 2 x 3 x 16 x 24 images: Guard failed: x.size\(\)\[2\] == 64. Export it"
    with pytest.raises(BackboneError, match=words):
        measured(failing)


def test_what_is_not_a_number_for_some_images_only_is_said_when_it_comes():
    network = measured(lambda x: {"a": grid(x) / (x.amax((1, 2, 3), keepdim=True) > 0)})
    with pytest.raises(BackboneError, match="output a to hold numbers"):
        network.describe(torch.zeros(1, 3, 16, 24))
