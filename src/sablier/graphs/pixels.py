"""Stored pixels as the values that networks take, in torch."""

import numpy as np
import torch
from torch import Tensor, nn

from sablier.baselines import thumbnail_shape
from sablier.images.pixel_rule import BEYOND
from sablier.images.preprocess import Preprocess
from sablier.tasks.detection.resizing import BOX, resized


class Scaled(nn.Module):
    """Sets ignored pixels to the middle of the range, and scales as `Batches` does: black to 0, white to 1.

    Args:
        preprocess: the rule of the model.
    """

    def __init__(self, preprocess: Preprocess) -> None:
        super().__init__()
        self.black, self.scale = preprocess.black, 1.0 / (preprocess.white - preprocess.black)
        self.clips = preprocess.bounded and preprocess.dtype != "uint8"
        kept = preprocess.kept
        self.kept: Tensor | None
        self.register_buffer("kept", None if kept is None else torch.from_numpy(kept[..., None].copy()))
        self.middle = float(preprocess.from_unit(np.full((), 0.5)))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return N,C,H,W float32 of N,H,W,C stored pixels."""
        x = pixels.to(torch.float32)
        if self.kept is not None:
            x = torch.where(self.kept, x, self.middle)
        if self.black:
            x = x - self.black
        x = x * self.scale
        return (x.clamp(-BEYOND, 1 + BEYOND) if self.clips else x).permute(0, 3, 1, 2)


def thumbnails_of(x: Tensor, preprocess: Preprocess) -> Tensor:
    """Return N,D thumbnails of N,C,H,W images, channels last, as `baselines.thumbnails` makes them of stored pixels."""
    height, width, _ = thumbnail_shape(preprocess)
    return resized(x, height, width, BOX).permute(0, 2, 3, 1).flatten(1)
