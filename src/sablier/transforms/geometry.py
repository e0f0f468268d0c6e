"""Rotated, mirrored and shifted images by gathering pixels: exact for any batch size. N,C,H,W in and out.

Beyond its edge an image is reflected, so that the edge itself does not reveal the shift.
"""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor


class Geometry(NamedTuple):
    """The transformations of images of one size.

    Args:
        orientations: K,HW the source of each pixel: for square images 4 turns x 2 mirrorings, for others half turns only.
            The first is the identity.
        shifts: S,HW the same for 9 shifts; the first is the identity.
    """

    orientations: Tensor
    shifts: Tensor

    @staticmethod
    @lru_cache(16)
    def of(height: int, width: int, shift: float) -> "Geometry":
        """Return the transformations of images of this size, with shifts by `shift`, a share of each side, or none."""
        places = torch.arange(height * width).view(height, width)
        turns = range(4) if height == width else (0, 2)
        orientations = [torch.rot90(mirrored, turn) for mirrored in (places, places.flip(1)) for turn in turns]
        down, right = (max(1, round(shift * side)) for side in (height, width))
        shifts = [places[_mirrored(height, a * down)][:, _mirrored(width, b * right)] for a in (0, -1, 1) for b in (0, -1, 1)]
        return Geometry(
            torch.stack([table.flatten() for table in orientations]), torch.stack([table.flatten() for table in shifts])
        )

    @property
    def outputs(self) -> int:
        """The number of orientations plus that of shifts."""
        return len(self.orientations) + len(self.shifts)

    def apply(self, x: Tensor, orientation: Tensor, shift: Tensor) -> Tensor:
        """Return N images, each turned and mirrored, then shifted, by the numbers of its transformations, N each."""
        tables = self.orientations.to(x.device)[orientation].gather(1, self.shifts.to(x.device)[shift])
        moved = x.flatten(2).gather(2, tables[:, None].expand(-1, x.shape[1], -1)).view(x.shape)
        return moved.contiguous(memory_format=torch.channels_last)


def shifted(x: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Return each image shifted by whole pixels, at most its sides, N down and N right.

    >>> shifted(torch.arange(3.0).view(1, 1, 1, 3), torch.tensor([0]), torch.tensor([1])).flatten().tolist()
    [1.0, 2.0, 2.0]
    """
    rows, columns = (_mirrored(side, by[:, None]) for side, by in ((x.shape[2], down), (x.shape[3], right)))
    each = torch.arange(x.shape[0], device=x.device)  # not len(x), which fixes the size of batches in a traced graph
    return x.permute(0, 2, 3, 1)[each[:, None, None], rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _mirrored(side: int, offset: int | Tensor) -> Tensor:
    """Return the sources of the pixels of a line shifted by `offset`, at most `side`; for several lines, N,1."""
    places = torch.arange(side, device=offset.device if isinstance(offset, Tensor) else None) + offset
    places = torch.where(places < 0, -1 - places, places)
    return torch.where(places >= side, 2 * side - 1 - places, places)
