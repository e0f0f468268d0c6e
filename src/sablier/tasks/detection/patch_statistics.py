"""Patches compared with those of good images at the same place, without training.

Good parts in a fixed position are alike place by place (PaDiM, Defard et al. 2020). The anomaly score of a patch is the
distance to the nearest good one (PatchCore, Roth et al. 2022). The descriptor of a patch can be exchanged: see
`descriptors.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sablier.errors import TooFewImages
from sablier.images.preprocess import Preprocess
from sablier.part_fit import check_fit
from sablier.tasks.detection.anomaly_map import gaussian_blur
from sablier.tasks.detection.descriptors import AT_ONCE, Descriptor, batches_of
from sablier.tasks.detection.tracing import at_most
from sablier.typing import Array

MOST_VALUES = 20_000_000  # of descriptors of good images, in half precision: 40 MB
REACH = 1  # cells that the nearest good patch may be away
BLUR = 1.0  # standard deviation of the blur of the anomaly map, in cells
SMALLEST = 1e-6
IDENTICAL = 1e-4  # mean squared distance per value, in standard deviations: half-precision error between equal images


@dataclass(frozen=True)
class PatchStatistics:
    """Descriptors of good images on a grid of cells, to find the nearest good one around each cell of an image.

    Args:
        descriptor: describes images.
        centre, spread: D, of the descriptors of good images.
        kept: N,D,h,w standardised descriptors, float16.
    """

    descriptor: Descriptor
    centre: Array
    spread: Array
    kept: Array

    @classmethod
    @torch.no_grad()
    def fit(cls, descriptor: Descriptor, pixels: Array, preprocess: Preprocess) -> "PatchStatistics":
        """Fit on dense N,H,W,C pixels of good images as `preprocess` makes them; `enough_of` chooses how many to keep.

        Raises:
            TooFewImages: for no image.
        """
        if not len(pixels):
            raise TooFewImages("expected at least one good image to compare patches with, got none.")
        found = torch.cat([descriptor.describe(x) for x in batches_of(pixels, preprocess)])
        centre = found.mean(dim=(0, 2, 3), keepdim=True)
        spread = found.std(dim=(0, 2, 3), keepdim=True).clamp_min(SMALLEST)
        kept = ((found - centre) / spread).half().numpy()
        return cls(descriptor, centre.flatten().numpy(), spread.flatten().numpy(), kept)

    def anomaly_map(self, x: Tensor) -> Tensor:
        """Return N,H,W of N,C,H,W images in [0, 1]: the log squared distance to the nearest good patch."""
        cells = torch.cat([self._distances(part) for part in at_most(AT_ONCE, x)])
        return F.interpolate(cells[:, None], x.shape[2:], mode="bilinear")[:, 0]

    def statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return N,1, the highest place of each image, and the anomaly maps, N,H,W."""
        anomaly_map = self.anomaly_map(x)
        return anomaly_map.flatten(1).amax(dim=1, keepdim=True), anomaly_map

    def _distances(self, x: Tensor) -> Tensor:
        """Return N,h,w blurred logarithms of the squared distances."""
        shape = (1, -1, 1, 1)
        z = (self.descriptor.describe(x) - torch.from_numpy(self.centre).view(shape)) / torch.from_numpy(self.spread).view(shape)
        count, size, height, width = z.shape
        check_fit("cells of good images", self.kept.shape[2] * self.kept.shape[3], height * width)
        good, good_sizes = map(torch.from_numpy, self._good)
        side = 2 * REACH + 1
        # Each cell is moved to the good patches around it, and not these, which are many, to the cell.
        around = _around(F.pad(z, (REACH,) * 4), range(side), height, width)
        moved = torch.stack([each.permute(2, 3, 1, 0) for each in around], dim=3).view(height * width, size, -1)
        # |a - b|^2 = |a|^2 + |b|^2 - 2 a b, where |a|^2 is added at the end.
        apart = torch.baddbmm(good_sizes, good, moved, alpha=-2).view(height * width, -1, side**2, count)
        sizes = (z**2).sum(dim=1)
        # An image that was kept must not be compared with itself.
        itself = (apart[:, :, side**2 // 2] + sizes.permute(1, 2, 0).flatten(0, 1)[:, None]).mean(dim=0) < IDENTICAL * size
        itself &= ~itself.all(dim=0)
        found = apart.masked_fill(itself[:, None], torch.inf).amin(dim=1).permute(2, 1, 0).view(count, side**2, height, width)
        back = _around(F.pad(found, (REACH,) * 4, value=torch.inf), range(side - 1, -1, -1), height, width)
        nearest = torch.stack([each[:, number] for number, each in enumerate(back)]).amin(dim=0)
        return gaussian_blur((nearest + sizes).clamp_min(SMALLEST).log(), BLUR)

    @cached_property
    def _good(self) -> tuple[Array, Array]:
        """The kept descriptors, hw,N,D, and their squared norms, hw,N,1, in single precision."""
        count, size, height, width = self.kept.shape
        rows = self.kept.transpose(2, 3, 0, 1).reshape(height * width, count, size).astype(np.float32)
        return rows, np.square(rows).sum(axis=2, keepdims=True)

    def tensors(self) -> dict[str, Array]:
        """Return the arrays that a model file keeps, besides those of the descriptor."""
        return {"centre": self.centre, "spread": self.spread, "kept": self.kept}


def _around(padded: Tensor, places: Iterable[int], height: int, width: int) -> list[Tensor]:
    """Return the windows of N,D,h,w of `height` and `width` whose upper left corners are at all pairs of these places."""
    return [padded[:, :, down : down + height, right : right + width] for down, right in product(tuple(places), repeat=2)]


def enough_of(pixels: Array, values: int, seed: int = 0) -> Array:
    """Return the images whose descriptors are kept, at most 40 MB: all if they fit, else a random sample.

    Args:
        pixels: N,H,W,C.
        values: how many numbers describe an image.
    """
    order = np.random.default_rng(seed).permutation(len(pixels))
    return np.asarray(pixels[np.sort(order[: max(1, MOST_VALUES // values)])])
