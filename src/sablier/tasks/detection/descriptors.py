"""Descriptors: numbers for each place of a grid over an image, for members that compare places."""

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from sablier.images.preprocess import Preprocess
from sablier.typing import Array

AT_ONCE = 8  # images described together


class Descriptor(Protocol):
    """Describes images place by place, such as by the responses to filters computed from good images."""

    def describe(self, x: Tensor) -> Tensor:
        """Return N,D,h,w descriptors of N,C,H,W images in [0, 1]."""
        ...


def batches_of(pixels: Array, preprocess: Preprocess) -> Iterator[Tensor]:
    """Yield dense N,H,W,C pixels as N,C,H,W images in [0, 1], a few at a time."""
    for start in range(0, len(pixels), AT_ONCE):
        yield torch.from_numpy(preprocess.scaled(pixels[start : start + AT_ONCE])).permute(0, 3, 1, 2)
