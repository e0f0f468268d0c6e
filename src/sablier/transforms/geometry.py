"""Rotated, mirrored and shifted images by gathering pixels: exact for any batch size. N,C,H,W in and out.

Beyond its edge an image is reflected, so that the edge itself does not reveal the shift.
"""

from functools import lru_cache
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from sablier.typing import Array

Places = TypeVar("Places", Array, Tensor)


class Geometry(NamedTuple):
    """The transformations of images of one size.

    Args:
        orientations: K,HW the source of each pixel: for square images 4 turns x 2 mirrorings, for others half turns only.
            The first is the identity.
        shifts: S,HW the same for 9 shifts; the first is the identity.
    """

    orientations: Array
    shifts: Array

    @staticmethod
    @lru_cache(16)
    def of(height: int, width: int, shift: float) -> "Geometry":
        """Return the transformations of images of this size, with shifts by `shift`, a share of each side, or none."""
        places = np.arange(height * width).reshape(height, width)
        turns = range(4) if height == width else (0, 2)
        orientations = [np.rot90(mirrored, turn) for mirrored in (places, places[:, ::-1]) for turn in turns]
        down, right = (max(1, round(shift * side)) for side in (height, width))
        rows, columns = (
            [_mirrored(side, np.arange(side) + sign * by) for sign in (0, -1, 1)] for side, by in ((height, down), (width, right))
        )
        shifts = [places[row][:, column] for row in rows for column in columns]
        return Geometry(*(np.stack([table.ravel() for table in tables]) for tables in (orientations, shifts)))

    @property
    def outputs(self) -> int:
        """The number of orientations plus that of shifts."""
        return len(self.orientations) + len(self.shifts)

    def apply(self, x: Tensor, orientation: Tensor, shift: Tensor) -> Tensor:
        """Return N images, each turned and mirrored, then shifted, by the numbers of its transformations, N each."""
        orientations, shifts = (torch.from_numpy(tables).to(x.device) for tables in self)
        tables = orientations[orientation].gather(1, shifts[shift])
        moved = x.flatten(2).gather(2, tables[:, None].expand(-1, x.shape[1], -1)).view(x.shape)
        return moved.contiguous(memory_format=torch.channels_last)

    def view(self, x: Tensor, number: int) -> Tensor:
        """Return N images, all turned and mirrored, then shifted, by the transformations of one number."""
        table = torch.from_numpy(self.orientations[number][self.shifts[number]])
        return x.flatten(2)[:, :, table].view(x.shape).contiguous(memory_format=torch.channels_last)


def shifted(x: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Return each image shifted by whole pixels, at most its sides, N down and N right.

    >>> shifted(torch.arange(3.0).view(1, 1, 1, 3), torch.tensor([0]), torch.tensor([1])).flatten().tolist()
    [1.0, 2.0, 2.0]
    """
    rows, columns = (
        _mirrored(side, torch.arange(side, device=by.device) + by[:, None])
        for side, by in ((x.shape[2], down), (x.shape[3], right))
    )
    each = torch.arange(x.shape[0], device=x.device)  # not len(x), which fixes the size of batches in a traced graph
    return x.permute(0, 2, 3, 1)[each[:, None, None], rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _mirrored(side: int, places: Places) -> Places:
    """Return the pixels of a line that lie at these places, at most `side` beyond its ends, where it is reflected."""
    return (2 * side - 1 - abs(2 * side - abs(2 * places + 1))) // 2
