"""Encode, decode and reconstruct whole sets of images with one network: a batch at a time, arrays in, arrays out."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from sablier.errors import ImagesError
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.tasks.scorer import PIXELS_PER_BATCH
from sablier.transforms.batches import Batches

Array = NDArray[Any]

TASK = "reconstruct"


@torch.no_grad()
def encode(model: Model, preprocess: Preprocess, images: ImageSet) -> Array:
    """Return the latents of dense images, N,latent float32.

    >>> from sablier.models import create_model
    >>> images, rule = ImageSet(np.zeros((3, 8, 8), np.uint8)), Preprocess(height=8, width=8, channels=1)
    >>> encode(create_model("bottleneck", (8, 8, 1), latent=4), rule, images).shape
    (3, 4)
    """
    model.eval()
    parts = [model.encode(batch.x).numpy() for batch in Batches(images, preprocess).in_order(_batch_size(preprocess))]
    return np.concatenate(parts) if parts else np.empty((0, latent_size(model, preprocess)), np.float32)


@torch.no_grad()
def decode(model: Model, preprocess: Preprocess, latents: Array) -> Array:
    """Return the images of N,latent codes, N,H,W,C float32 in [0, 1].

    Raises:
        ImagesError: for codes of another shape, or that are not finite.
    """
    model.eval()
    codes = np.asarray(latents, np.float32)
    width = latent_size(model, preprocess)
    if codes.ndim != 2 or codes.shape[1] != width:
        raise ImagesError(f"expected latents of shape N,{width}, got {codes.shape}.")
    if not np.isfinite(codes).all():
        raise ImagesError("expected finite latents, got NaN or infinity.")
    size = _batch_size(preprocess)
    blocks = [torch.from_numpy(np.array(codes[start : start + size])) for start in range(0, len(codes), size)]
    parts = [model.decode(block).clamp(0, 1).permute(0, 2, 3, 1).numpy() for block in blocks]
    return np.concatenate([np.empty((0, preprocess.height, preprocess.width, preprocess.channels), np.float32), *parts])


def reconstruct(model: Model, preprocess: Preprocess, images: ImageSet) -> Array:
    """Return what the network makes of dense images, N,H,W,C float32 in [0, 1]."""
    return decode(model, preprocess, encode(model, preprocess, images))


@torch.no_grad()
def latent_size(model: Model, preprocess: Preprocess) -> int:
    """Return how many numbers the network encodes an image to."""
    return int(model.eval().encode(torch.zeros(1, preprocess.channels, preprocess.height, preprocess.width)).shape[1])


def scaled_back(pictures: Array, height: int, width: int) -> Array:
    """Return N,H,W or N,H,W,C pictures at the size of the images that `Preprocess` scaled to fit H x W.

    The repeated edges are cut off, and what is left is scaled, bilinearly, to `height` x `width`.
    """
    if pictures.shape[1:3] == (height, width):
        return pictures
    scale = min(pictures.shape[1] / height, pictures.shape[2] / width)
    inner = [min(have, max(1, round(side * scale))) for have, side in zip(pictures.shape[1:3], (height, width), strict=True)]
    top, left = (pictures.shape[1] - inner[0]) // 2, (pictures.shape[2] - inner[1]) // 2
    planes = pictures[..., None] if pictures.ndim == 3 else pictures
    planes = planes[:, top : top + inner[0], left : left + inner[1]].transpose(0, 3, 1, 2).astype(np.float32)
    scaled = F.interpolate(torch.from_numpy(planes), (height, width), mode="bilinear", antialias=True)
    return scaled.permute(0, 2, 3, 1).numpy().reshape(len(pictures), height, width, *pictures.shape[3:])


def _batch_size(preprocess: Preprocess) -> int:
    return max(1, PIXELS_PER_BATCH // (preprocess.height * preprocess.width))
