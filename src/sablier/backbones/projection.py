"""Random projection of many features of a place to fewer, with fixed random signs.

Distances between places are kept up to a few percent (Johnson and Lindenstrauss 1984; with signs Achlioptas 2003, doi
10.1016/S0022-0000(03)00025-4). PaDiM (Defard et al. 2020, arXiv 2011.08785) selects random features for the same purpose: a
covariance has the square of their number.
"""

from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

MOST_FEATURES = 256  # of a place: a covariance of 256 KB
SEED = 12


def with_fewer_features(view: Tensor) -> Tensor:
    """Return N,D,h,w with D at most 256; fewer features are not changed.

    >>> with_fewer_features(torch.rand(1, 768, 14, 14)).shape
    torch.Size([1, 256, 14, 14])
    """
    size = view.shape[1]
    return view if size <= MOST_FEATURES else F.conv2d(view, _signs(size)[:, :, None, None])


@cache
def _signs(size: int) -> Tensor:
    """Return 256,size: random signs over the root of `size`, so that features keep their spread.

    They come from the raw bits of PCG64, which no version of NumPy changes, so a model file need not keep them.
    """
    words = np.random.PCG64(SEED).random_raw(-(-MOST_FEATURES * size // 64)).astype("<u8")
    bits = np.unpackbits(words.view(np.uint8))[: MOST_FEATURES * size]
    signs = (2 * bits.astype(np.float32) - 1).reshape(MOST_FEATURES, size)
    return torch.from_numpy(signs / np.float32(size**0.5))
