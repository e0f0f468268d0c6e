"""Patches compared with those that good images have at the same place: no network, fitted in seconds, with a heatmap.

Good parts that lie alike look alike place by place (PaDiM, Defard et al. 2020), and a patch is as strange as the nearest
good one is far (PatchCore, Roth et al. 2022). Those use a pretrained network. Here a patch is described by how strongly its
surroundings answer to filters that are the principal components of the good images' own patches (PCANet, Chan et al. 2015),
at three scales: the strength of an answer, averaged over a few pixels, does not care where exactly a bristle or a grain lies.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
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
from sablier.typing import Array

CELL = 4  # pixels a side of the squares that are described
LEVELS = 3  # each at half the resolution of the last
PATCH = 7  # pixels a side of a filter
FILTERS = 12  # principal components of a level
PATCHES_FOR_FILTERS = 20_000  # more change the components little
AVERAGED = 5  # pixels a side over which an answer's strength is averaged
FAINTEST = 0.1  # of an answer, in its standard deviations: what is fainter counts as nothing
MOST_VALUES = 20_000_000  # of the good images' descriptors that are kept, in half precision: 40 MB
REACH = 1  # cells that the nearest good patch may lie away
BLUR = 1.0  # standard deviation of the heatmap's blur, in cells
AT_ONCE = 8  # images described together
SMALLEST = 1e-6
IDENTICAL = 1e-4  # mean squared distance a value, in standard deviations: what half precision leaves between equal images


@dataclass(frozen=True)
class PatchStatistics:
    """Descriptors of good images on a grid of cells, to find for each cell of an image the nearest good one around it.

    Args:
        filters: LEVELS,K,C,PATCH,PATCH, each scaled so that answers of good images have a standard deviation of 1.
        offsets: LEVELS,K answers to the mean patch.
        centre, spread: D, of the descriptors of good images.
        kept: N,D,h,w standardised descriptors, float16.
    """

    filters: Array
    offsets: Array
    centre: Array
    spread: Array
    kept: Array

    @classmethod
    def fit(cls, pixels: Array, preprocess: Preprocess, seed: int = 0) -> "PatchStatistics":
        """Fit on dense N,H,W,C pixels of good images as `preprocess` makes them.

        At most 40 MB of descriptors are kept: those of all images where these are few, else of some drawn at random.

        Raises:
            TooFewImages: for no image.
        """
        if not len(pixels):
            raise TooFewImages("expected at least one good image to compare patches with, got none.")
        height, width = pixels.shape[1:3]
        values = -(-height // CELL) * -(-width // CELL) * LEVELS * FILTERS
        order = np.random.default_rng(seed).permutation(len(pixels))
        chosen = pixels[np.sort(order[: max(1, MOST_VALUES // values)])]
        filters, offsets = zip(*(_components(chosen, preprocess, level, seed) for level in range(LEVELS)), strict=True)
        draft = cls(np.stack(filters), np.stack(offsets), *(np.zeros(0),) * 3)
        found = torch.cat([draft.descriptors(x) for x in _batches(chosen, preprocess)])
        centre = found.mean(dim=(0, 2, 3), keepdim=True)
        spread = found.std(dim=(0, 2, 3), keepdim=True).clamp_min(SMALLEST)
        kept = ((found - centre) / spread).half().numpy()
        return cls(draft.filters, draft.offsets, centre.flatten().numpy(), spread.flatten().numpy(), kept)

    @torch.no_grad()
    def descriptors(self, x: Tensor) -> Tensor:
        """Return N,D,h,w of N,C,H,W images in [0, 1]: the logarithm of the mean strength of each filter's answers in a cell."""
        grid = [-(-length // CELL) for length in x.shape[2:]]
        found = []
        for level, (filters, offsets) in enumerate(zip(self.filters, self.offsets, strict=True)):
            padded = F.pad(_halved(x, level), (PATCH // 2,) * 4, mode="replicate")
            answers = F.conv2d(padded, torch.from_numpy(filters), -torch.from_numpy(offsets))
            strength = (answers.abs() + FAINTEST).log()
            strength = F.avg_pool2d(strength, AVERAGED, 1, AVERAGED // 2, count_include_pad=False)
            found.append(F.interpolate(strength, grid, mode="bilinear", antialias=True))
        return torch.cat(found, dim=1)

    @torch.no_grad()
    def heat(self, x: Tensor) -> Tensor:
        """Return N,H,W of N,C,H,W images in [0, 1]: the logarithm of the squared distance to the nearest good patch."""
        cells = torch.cat([self._distances(part) for part in torch.split(x, AT_ONCE)])
        return F.interpolate(cells[:, None], x.shape[2:], mode="bilinear")[:, 0]

    def statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return N,1, the hottest place of each image, and the heatmaps, N,H,W."""
        heat = self.heat(x)
        return heat.flatten(1).amax(dim=1, keepdim=True), heat

    def _distances(self, x: Tensor) -> Tensor:
        """Return N,h,w blurred logarithms of the squared distances."""
        shape = (1, -1, 1, 1)
        z = (self.descriptors(x) - torch.from_numpy(self.centre).view(shape)) / torch.from_numpy(self.spread).view(shape)
        count, size, height, width = z.shape
        check_fit("cells of good images", self.kept.shape[2] * self.kept.shape[3], height * width)
        good, good_sizes = self._good
        side = 2 * REACH + 1
        # Not the good patches around each cell are moved there, which are many, but each cell to where those lie.
        moved = F.unfold(z, side, padding=REACH).view(count, size, side**2, -1).permute(3, 1, 2, 0).flatten(2)
        # |a - b|^2 = |a|^2 + |b|^2 - 2 a b, of which |a|^2 is added at the end.
        apart = torch.baddbmm(good_sizes, good, moved, alpha=-2).view(height * width, -1, side**2, count)
        sizes = (z**2).sum(dim=1)
        # An image that was kept must not be compared with itself.
        itself = (apart[:, :, side**2 // 2] + sizes.permute(1, 2, 0).flatten(0, 1)[:, None]).mean(dim=0) < IDENTICAL * size
        itself &= ~itself.all(dim=0)
        found = apart.masked_fill(itself[:, None], torch.inf).amin(dim=1).permute(2, 1, 0).view(count, side**2, height, width)
        back = F.pad(found, (REACH,) * 4, value=torch.inf)
        nearest = torch.stack([
            back[:, number, side - 1 - down : side - 1 - down + height, side - 1 - right : side - 1 - right + width]
            for number, (down, right) in enumerate(product(range(side), repeat=2))
        ]).amin(dim=0)  # fmt: skip
        return gaussian_blur((nearest + sizes).clamp_min(SMALLEST).log(), BLUR)

    @cached_property
    def _good(self) -> tuple[Tensor, Tensor]:
        """The kept descriptors, hw,N,D, and their squared sizes, hw,N,1, in single precision."""
        rows = torch.from_numpy(self.kept).float().permute(2, 3, 0, 1).flatten(0, 1).contiguous()
        return rows, (rows**2).sum(dim=2, keepdim=True)

    def tensors(self) -> dict[str, Array]:
        """Return the arrays a model file keeps."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Array]) -> "PatchStatistics":
        """Return what `tensors` kept."""
        return cls(**tensors)


def _components(pixels: Array, preprocess: Preprocess, level: int, seed: int) -> tuple[Array, Array]:
    """Return K,C,PATCH,PATCH filters, the principal components of patches over their spread, and their answers to the mean."""
    from sklearn.decomposition import PCA

    each = max(FILTERS, PATCHES_FOR_FILTERS // len(pixels))
    rng = np.random.default_rng(seed)
    found = []
    for x in _batches(pixels, preprocess):
        for image in _halved(x, level):
            padded = F.pad(image[None], (PATCH // 2,) * 4, mode="replicate")[0]
            rows, columns = (rng.integers(0, length, each) for length in image.shape[1:])
            windows = padded.unfold(1, PATCH, 1).unfold(2, PATCH, 1)
            found.append(windows[:, rows, columns].transpose(0, 1).reshape(each, -1))
    patches = torch.cat(found).numpy()
    patches = patches + rng.normal(0, SMALLEST, patches.shape)  # images that are all alike have no components
    pca = PCA(FILTERS, svd_solver="covariance_eigh").fit(patches)
    filters = pca.components_ / np.sqrt(pca.explained_variance_)[:, None]
    shape = (FILTERS, -1, PATCH, PATCH)
    return filters.reshape(shape).astype(np.float32), (filters @ pca.mean_).astype(np.float32)


def _batches(pixels: Array, preprocess: Preprocess) -> Iterator[Tensor]:
    for start in range(0, len(pixels), AT_ONCE):
        yield torch.from_numpy(preprocess.scaled(pixels[start : start + AT_ONCE])).permute(0, 3, 1, 2)


def _halved(x: Tensor, times: int) -> Tensor:
    return F.avg_pool2d(x, 2**times, ceil_mode=True) if times else x
