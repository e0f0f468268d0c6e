"""Saliency maps: the pixels that decide between two classes of an image."""

import numpy as np
import torch
from torch import Tensor

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.transforms.attacks.base import input_gradient
from sablier.transforms.batches import Batches
from sablier.typing import Array

COPIES = 32  # of an image, over which gradients are averaged
NOISE = 0.15  # of the range from black to white; the paper finds 10 to 20 % to be best
BLUR = 28  # a map is blurred by the longer side divided by this
BRIGHTEST = 0.02  # share of an image's pixels that are drawn in full colour


def where_it_looked(network: Model, preprocess: Preprocess, images: ImageSet, seen: Array, other: Array, seed: int = 0) -> Array:
    """Return N,H,W maps, from 0 to 1: the influence of each pixel on the choice between two classes.

    The gradient of the difference of both logits, averaged over noisy copies of the image, since a single gradient varies
    from pixel to pixel (SmoothGrad; Smilkov, Thorat, Kim, Viegas and Wattenberg 2017). It works for every network, and also
    marks empty places where ink would change the class. Each map has its own scale.

    Args:
        images: dense images.
        seen, other: N numbers of classes.
    """
    from scipy.ndimage import gaussian_filter

    if not len(images):
        return np.empty((0, *images.shape[:2]), np.float32)
    network.eval()
    generator = torch.Generator().manual_seed(seed)
    firsts, seconds = (torch.from_numpy(np.asarray(numbers, np.int64)) for numbers in (seen, other))
    found, start = [], 0
    for batch in Batches(images, preprocess).for_scoring():
        part = slice(start, start + len(batch.x))
        found.append(_smoothed(network, batch.x, firsts[part], seconds[part], generator).abs().sum(dim=1).numpy())
        start += len(batch.x)
    width = max(images.shape[:2]) / BLUR
    maps = gaussian_filter(np.concatenate(found), (0, width, width))
    top = np.quantile(maps, 1 - BRIGHTEST, axis=(1, 2), keepdims=True)
    return np.asarray((maps / np.maximum(top, np.finfo(np.float32).tiny)).clip(0, 1))


def _smoothed(network: Model, x: Tensor, seen: Tensor, other: Tensor, generator: torch.Generator) -> Tensor:
    """Return the mean gradient of a batch, N,C,H,W."""
    rows = torch.arange(len(x))

    def lead(copies: Tensor) -> Tensor:
        logits = network.classify(copies).float()
        return logits[rows, seen] - logits[rows, other]

    total = torch.zeros_like(x)
    for _ in range(COPIES):
        gradient, _ = input_gradient(lead, x + NOISE * torch.randn(x.shape, generator=generator))
        total += gradient
    return total / COPIES
