"""A descriptor without a network: the strength of responses to filters computed from good images.

The filters are the principal components of patches of the good images (PCANet, Chan et al. 2015), at three scales. The
strength of a response, averaged over a few pixels, does not depend on the exact position of fine texture.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sablier.images.preprocess import Preprocess
from sablier.tasks.detection.descriptors import batches_of
from sablier.tasks.detection.resizing import reduced
from sablier.typing import Array

CELL = 4  # pixels a side of the squares that are described
LEVELS = 3  # each at half the resolution of the last
PATCH = 7  # pixels a side of a filter
FILTERS = 12  # principal components of a level
PATCHES_FOR_FILTERS = 20_000  # more change the components little
AVERAGED = 5  # pixels a side over which the strength of a response is averaged
FAINTEST = 0.1  # of a response, in its standard deviations: weaker ones count as nothing
SMALLEST = 1e-6


@dataclass(frozen=True)
class Filters:
    """Filters computed from good images.

    Args:
        filters: LEVELS,K,C,PATCH,PATCH, scaled so that responses to good images have a standard deviation of 1.
        offsets: LEVELS,K responses to the mean patch.
    """

    filters: Array
    offsets: Array

    @classmethod
    def fit(cls, pixels: Array, preprocess: Preprocess, seed: int = 0) -> "Filters":
        """Fit on dense N,H,W,C pixels of good images as `preprocess` makes them."""
        filters, offsets = zip(*(_components(pixels, preprocess, level, seed) for level in range(LEVELS)), strict=True)
        return cls(np.stack(filters), np.stack(offsets))

    @staticmethod
    def values(height: int, width: int) -> int:
        """Return how many numbers describe an image."""
        return -(-height // CELL) * -(-width // CELL) * LEVELS * FILTERS

    def describe(self, x: Tensor) -> Tensor:
        """Return N,D,h,w of N,C,H,W images in [0, 1]: the log mean strength of the response to each filter in a cell."""
        grid = [-(-length // CELL) for length in x.shape[2:]]
        found = []
        for level, (filters, offsets) in enumerate(zip(self.filters, self.offsets, strict=True)):
            padded = F.pad(_halved(x, level), (PATCH // 2,) * 4, mode="replicate")
            answers = F.conv2d(padded, torch.from_numpy(filters), -torch.from_numpy(offsets))
            strength = (answers.abs() + FAINTEST).log()
            strength = F.avg_pool2d(strength, AVERAGED, 1, AVERAGED // 2, count_include_pad=False)
            found.append(reduced(strength, *grid))
        return torch.cat(found, dim=1)


def _components(pixels: Array, preprocess: Preprocess, level: int, seed: int) -> tuple[Array, Array]:
    """Return K,C,PATCH,PATCH filters, the principal components of patches over their spread, and responses to the mean patch."""
    from sklearn.decomposition import PCA

    each = max(FILTERS, PATCHES_FOR_FILTERS // len(pixels))
    rng = np.random.default_rng(seed)
    found = []
    for x in batches_of(pixels, preprocess):
        for image in _halved(x, level):
            padded = F.pad(image[None], (PATCH // 2,) * 4, mode="replicate")[0]
            rows, columns = (rng.integers(0, length, each) for length in image.shape[1:])
            windows = padded.unfold(1, PATCH, 1).unfold(2, PATCH, 1)
            found.append(windows[:, rows, columns].transpose(0, 1).reshape(each, -1))
    patches = torch.cat(found).numpy()
    patches = patches + rng.normal(0, SMALLEST, patches.shape)  # equal images have no components
    pca = PCA(FILTERS, svd_solver="covariance_eigh").fit(patches)
    filters = pca.components_ / np.sqrt(pca.explained_variance_)[:, None]
    shape = (FILTERS, -1, PATCH, PATCH)
    return filters.reshape(shape).astype(np.float32), (filters @ pca.mean_).astype(np.float32)


def _halved(x: Tensor, times: int) -> Tensor:
    return F.avg_pool2d(x, 2**times, ceil_mode=True) if times else x
