"""Turning, mirroring and shifting are exact, and known by their numbers."""

import pytest
import torch

from sablier.transforms.geometry import Geometry, shifted


def numbers(count: int, value: int) -> torch.Tensor:
    return torch.full((count,), value)


@pytest.mark.parametrize(("height", "width", "orientations"), [(8, 8, 8), (6, 9, 4), (1, 1, 8)])
def test_the_first_of_each_leaves_images_as_they_are(height, width, orientations):
    geometry = Geometry.of(height, width, 0.2)
    x = torch.rand(3, 2, height, width)
    assert torch.equal(geometry.apply(x, numbers(3, 0), numbers(3, 0)), x)
    assert (len(geometry.orientations), len(geometry.shifts), geometry.outputs) == (orientations, 9, orientations + 9)


def test_square_images_are_turned_four_ways_and_mirrored():
    geometry = Geometry.of(5, 5, 0.2)
    x = torch.rand(1, 1, 5, 5)
    found = {geometry.apply(x, numbers(1, number), numbers(1, 0)).numpy().tobytes() for number in range(8)}
    wanted = [torch.rot90(mirrored, turn, (2, 3)) for mirrored in (x, x.flip(3)) for turn in range(4)]
    assert found == {image.contiguous().numpy().tobytes() for image in wanted}


def test_a_shift_moves_the_image_and_mirrors_what_enters():
    geometry = Geometry.of(1, 5, 0.4)
    x = torch.arange(5.0).view(1, 1, 1, 5)
    found = {tuple(geometry.apply(x, numbers(1, 0), numbers(1, number)).flatten().tolist()) for number in range(9)}
    assert found == {(0, 1, 2, 3, 4), (1, 0, 0, 1, 2), (2, 3, 4, 4, 3)}


def test_each_image_of_a_batch_is_moved_by_its_own_numbers():
    geometry = Geometry.of(6, 6, 0.2)
    x = torch.rand(4, 3, 6, 6)
    orientation, shift = torch.tensor([0, 3, 5, 7]), torch.tensor([8, 0, 2, 4])
    together = geometry.apply(x, orientation, shift)
    alone = [geometry.apply(x[i : i + 1], orientation[i : i + 1], shift[i : i + 1]) for i in range(4)]
    assert torch.equal(together, torch.cat(alone))


def test_a_view_is_what_its_number_does_to_every_image():
    geometry = Geometry.of(6, 9, 0.2)
    x = torch.rand(3, 2, 6, 9)
    for number in range(len(geometry.orientations)):
        assert torch.equal(geometry.view(x, number), geometry.apply(x, numbers(3, number), numbers(3, number)))


def test_shifted_images_move_by_whole_pixels_each_by_its_own():
    x = torch.rand(3, 2, 5, 7)
    found = shifted(x, torch.tensor([0, 1, -2]), torch.tensor([0, -3, 2]))
    assert torch.equal(found[0], x[0])
    assert torch.equal(found[1, :, :4, 3:], x[1, :, 1:, :4])
    assert torch.equal(found[2, :, 2:, :5], x[2, :, :3, 2:])
    assert torch.equal(found[2, :, :2, 0], x[2, :, [1, 0], 2])  # mirrored at the edge
