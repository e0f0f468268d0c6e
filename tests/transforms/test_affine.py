"""Moved images: nothing asked for moves nothing; a turn, a shift and a scale do what they say; the same seed, the same images."""

import pytest
import torch

from sablier.transforms.affine import moved


@pytest.fixture
def blob():
    """A bright spot off the middle of two images that are not square."""
    x = torch.zeros(64, 1, 24, 16)
    x[:, :, 4:7, 6:10] = 1
    return x


def centre(x):
    """Return the row and the column of each image's brightness, in pixels from its middle."""
    rows, columns = torch.arange(x.shape[2]) - (x.shape[2] - 1) / 2, torch.arange(x.shape[3]) - (x.shape[3] - 1) / 2
    mass = x.sum(dim=(1, 2, 3))
    return (x.sum(dim=(1, 3)) @ rows) / mass, (x.sum(dim=(1, 2)) @ columns) / mass


def test_nothing_moves_nothing(blob):
    assert torch.allclose(moved(blob), blob, atol=1e-5)


def test_a_turn_keeps_the_distance_from_the_middle(blob):
    torch.manual_seed(0)
    before, after = (torch.hypot(*centre(each)) for each in (blob, moved(blob, turn=30)))
    assert torch.allclose(after, before, atol=0.15)
    row, column = centre(moved(blob, turn=30))
    angles = torch.rad2deg(torch.atan2(column, -row))
    assert angles.abs().max() < 34
    assert angles.std() > 8


def test_a_shift_is_a_share_of_each_side(blob):
    torch.manual_seed(0)
    (row, column), (row_before, column_before) = centre(moved(blob, shift=0.1)), centre(blob)
    assert (row - row_before).abs().max() <= 2.4 + 0.1
    assert (column - column_before).abs().max() <= 1.6 + 0.1
    assert (row - row_before).std() > 0.8


def test_a_scale_goes_both_ways():
    x = torch.zeros(200, 1, 32, 32)
    x[:, :, 12:20, 12:20] = 1
    torch.manual_seed(0)
    sides = (moved(x, scale=0.25).sum(dim=(1, 2, 3)) / 64).sqrt()
    assert 1.15 < sides.max() < 1.3
    assert 0.75 < sides.min() < 0.87


def test_outside_goes_on_as_the_edge():
    x = torch.linspace(0.2, 0.8, 16).view(1, 1, 1, 16).expand(8, 3, 16, 16)
    far = moved(x, turn=180, shift=0.5, scale=1, shear=1)
    assert far.min() >= 0.2 - 1e-6
    assert far.max() <= 0.8 + 1e-6


def test_each_image_moves_by_itself_and_the_same_seed_moves_alike(blob):
    torch.manual_seed(3)
    one = moved(blob, 20, 0.1, 0.1, 0.1)
    torch.manual_seed(3)
    other = moved(blob, 20, 0.1, 0.1, 0.1)
    assert torch.equal(one, other)
    assert not torch.allclose(one[0], one[1])
