"""Hidden squares: four shifts of them hide every pixel once."""

import pytest
import torch

from sablier.transforms.hiding import hidden_squares, square_sides


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (5, 64)])
@pytest.mark.parametrize("side", [1, 3, 8])
def test_four_shifts_hide_every_pixel_once(size, side):
    x = torch.zeros(2, 3, *size)
    total = torch.stack([hidden_squares(x, side, down, right) for down in (0, side) for right in (0, side)]).sum(dim=0)
    assert total.shape == (2, 1, *size)
    assert torch.equal(total, torch.ones_like(total))


def test_squares_have_the_side_that_was_asked_for():
    hidden = hidden_squares(torch.zeros(1, 1, 12, 12), 3, 0, 0)[0, 0]
    assert torch.equal(hidden[:3, :3], torch.ones(3, 3))
    assert hidden[:3, 3:6].sum() == 0
    assert hidden[3:6].sum() == 0


def test_sides_are_halved_down_to_one_pixel():
    assert square_sides(torch.zeros(1, 1, 100, 40), 4, 16) == [10, 5, 2]
    assert square_sides(torch.zeros(1, 1, 3, 3), 4, 16) == [1, 1, 1]
