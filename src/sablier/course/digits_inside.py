"""What happens inside the convolutional network of lesson 4, on one image: filters, feature maps, pooling, dropout."""

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sablier.models.base import Model
from sablier.models.course_classifiers import CourseCnn
from sablier.transforms.batches import Batch
from sablier.typing import Array

MAPS = 8  # feature maps that are shown, the strongest
DRAWS = 3  # of dropout


@dataclass(frozen=True)
class Inside:
    """The convolutional network at work on one image.

    Args:
        image: H,W,C in [0, 1].
        filters: F,3,3: the weights of the first layer, mean over channels.
        shown: which filters the maps are of: those that respond most to the image.
        first, second: K,h,w: maps of the first and of the second convolution.
        pooled: K,h/2,w/2: the second, after max-pooling.
        dropped: D,K,h/2,w/2: the pooled maps in D draws of dropout, in which whole maps are switched off.
        chance: of a map to be switched off.
    """

    image: Array
    filters: Array
    shown: Array
    first: Array
    second: Array
    pooled: Array
    dropped: Array
    chance: float


@torch.no_grad()
def looked_inside(model: Model, batch: Batch, seed: int = 0) -> Inside:
    """Compute one image layer by layer.

    Args:
        model: `course_cnn`, trained.
        batch: one image.
        seed: of dropout.
    """
    net = cast(CourseCnn, model)
    first = F.relu(net.first(F.pad(batch.x, (0, net.frame[0], 0, net.frame[1]))))
    second = net.second(first)
    pooled = F.max_pool2d(second, 2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        dropped = torch.stack([F.dropout2d(pooled, net.drop_features.p)[0] for _ in range(DRAWS)])
    strongest = _strongest(first)
    deep = _strongest(pooled.clamp(min=0))
    return Inside(
        image=batch.x[0].permute(1, 2, 0).numpy(),
        filters=net.first.weight.mean(dim=1).numpy(),
        shown=strongest,
        first=first[0].numpy()[strongest],
        second=second[0].numpy()[deep],
        pooled=pooled[0].numpy()[deep],
        dropped=dropped.numpy()[:, deep],
        chance=float(net.drop_features.p),
    )


def _strongest(maps: Tensor) -> Array:
    """Return the numbers of the maps with the largest means, in order."""
    return np.sort(maps[0].mean(dim=(1, 2)).argsort(descending=True)[:MAPS].numpy())
