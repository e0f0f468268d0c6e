"""Images resized by matrices: Pillow's filters in operations that ONNX has."""

from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from sablier.tasks.detection.tracing import tracing
from sablier.typing import Array

BOX, BILINEAR = Image.Resampling.BOX, Image.Resampling.BILINEAR


def resized(x: Tensor, height: int, width: int, how: Image.Resampling) -> Tensor:
    """Return N,C,H,W float32 at N,C,height,width, as Pillow resizes them, up to rounding.

    >>> resized(torch.tensor([[[[0.0, 2.0, 4.0, 8.0]]]]), 1, 2, BOX).tolist()
    [[[[1.0, 6.0]]]]
    """
    if x.shape[3] != width:
        x = x @ torch.from_numpy(_weights(x.shape[3], width, how)).T
    return x if x.shape[2] == height else torch.from_numpy(_weights(x.shape[2], height, how)) @ x


def reduced(x: Tensor, height: int, width: int) -> Tensor:
    """Return N,C,H,W at a smaller size, interpolated with antialiasing: by torch, which is fast for large photos, or traced."""
    if tracing():
        return resized(x, height, width, BILINEAR)
    return F.interpolate(x, (height, width), mode="bilinear", antialias=True)


@lru_cache(32)
def _weights(before: int, after: int, how: Image.Resampling) -> Array:
    """Return after,before float32: by how much each pixel of a line counts in each pixel of the resized line."""
    line = Image.fromarray(np.eye(before, dtype=np.float32))
    return np.array(line.resize((before, after), how))
