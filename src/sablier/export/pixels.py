"""Stored pixels as the values that networks take, in torch."""

import torch
from torch import Tensor, nn

from sablier.baselines import thumbnail_matrices
from sablier.images.preprocess import BEYOND, Preprocess


class Scaled(nn.Module):
    """Scales stored pixels as `Batches` does: black to 0, white to 1.

    Args:
        preprocess: the rule of the model.
    """

    def __init__(self, preprocess: Preprocess) -> None:
        super().__init__()
        self.black, self.scale = preprocess.black, 1.0 / (preprocess.white - preprocess.black)
        self.clips = preprocess.bounded and preprocess.dtype != "uint8"

    def forward(self, pixels: Tensor) -> Tensor:
        """Return N,C,H,W float32 of N,H,W,C stored pixels."""
        x = pixels.to(torch.float32)
        if self.black:
            x = x - self.black
        x = x * self.scale
        return (x.clamp(-BEYOND, 1 + BEYOND) if self.clips else x).permute(0, 3, 1, 2)


class Thumbnails(nn.Module):
    """Makes thumbnails as `baselines.thumbnails` does, by matrix multiplication."""

    def __init__(self, preprocess: Preprocess) -> None:
        super().__init__()
        rows, columns = thumbnail_matrices(preprocess)
        self.rows: Tensor
        self.columns: Tensor
        self.register_buffer("rows", torch.from_numpy(rows))
        self.register_buffer("columns", torch.from_numpy(columns))

    def forward(self, x: Tensor) -> Tensor:
        """Return N,D values of N,C,H,W images, channels last."""
        small = self.rows @ (x @ self.columns.T)
        return small.permute(0, 2, 3, 1).flatten(1)
