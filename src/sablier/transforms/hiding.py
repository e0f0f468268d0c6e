"""The places of an image that are hidden for inpainting."""

import torch
from torch import Tensor


def square_sides(x: Tensor, fewest: int, most: int) -> list[int]:
    """Return the sides in pixels of squares: `fewest`, twice as many, up to `most` fit along the shorter side of N,C,H,W.

    >>> square_sides(torch.zeros(1, 1, 256, 300), 4, 16)
    [64, 32, 16]
    """
    shorter, sides = min(x.shape[2:]), []
    while fewest <= most:
        sides.append(max(1, shorter // fewest))
        fewest *= 2
    return sides


def hidden_squares(x: Tensor, side: int, down: int, right: int) -> Tensor:
    """Return N,1,H,W: 1 in every second square of every second row of squares, shifted by so many pixels, else 0.

    With shifts of 0 or `side` each way, the four rasters hide every pixel once.
    """
    rows, columns = (
        (torch.arange(length, device=x.device) + shift) // side % 2 == 0
        for length, shift in zip(x.shape[2:], (down, right), strict=True)
    )
    return (rows[:, None] & columns).to(x.dtype).expand(x.shape[0], 1, -1, -1)
