"""What a network sees at the places of good images, as Gaussians: how far a place is from its own says how strange it is.

After PaDiM (Defard, Setkov, Loesch and Audigier 2020, arXiv 2011.08785), where each place has a covariance of its own. Here all
places of all images share one, so that a few dozen images are enough; only means differ from place to place, as far as places
differ by more than chance. All is fitted from sums, in one pass.
"""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sablier.errors import TooFewImages
from sablier.part_fit import check_fit
from sablier.tasks.detection.anomaly_map import gaussian_blur
from sablier.typing import Array

SHRINKAGE = 0.01  # of the mean variance, added to each: features that hardly vary must not decide
SMALLEST = 1e-12
HOTTEST = 3  # places of an image whose mean says how strange it is: one is noisy, and a share of a fine grid drowns what is small

# Light that changes slowly over an image is taken out at these scales, as shares of the longer side.
EVENED_MEAN, EVENED_SPREAD = 1 / 16, 1 / 10
EVENED_TO, EVENED_FAINTEST = 0.15, 0.02  # the spread that is left everywhere, and one below which nothing is enlarged
EVENED_SIDE = 64  # pixels of the longer side at which slow light is found


def evened(x: Tensor) -> Tensor:
    """Return N,C,H,W images in [0, 1] less their slow light: local means become 0.5, and local spreads alike.

    A defect that is fainter than what light does to an image stands out then; one that *is* a shadow is lost.
    """
    factor = max(1, max(x.shape[2:]) // EVENED_SIDE)

    def slow(values: Tensor, share: float) -> Tensor:
        small = F.avg_pool2d(values, factor, ceil_mode=True, count_include_pad=False)
        blurred = gaussian_blur(small.flatten(0, 1), share * max(small.shape[2:])).view_as(small)
        return F.interpolate(blurred, values.shape[2:], mode="bilinear")

    apart = x - slow(x, EVENED_MEAN)
    spread = slow(apart.square(), EVENED_SPREAD).sqrt()
    return (apart / (spread + EVENED_FAINTEST) * EVENED_TO + 0.5).clamp(-1, 2)


def hottest(heat: Tensor) -> Tensor:
    """Return N: the mean of the three hottest places of N,h,w."""
    places = heat.flatten(1)
    return places.topk(min(HOTTEST, places.shape[1]), dim=1).values.mean(dim=1)


@dataclass(frozen=True)
class PlaceSums:
    """Sums over images, in double precision; those of several batches add up.

    Args:
        count: how many images.
        totals: h,w,D, the sum over images of what was found at each place.
        products: D,D, the sum over images and places of its products with itself.
    """

    count: int
    totals: Array
    products: Array

    @classmethod
    def of(cls, described: Tensor) -> Self:
        """Return the sums over N,D,h,w."""
        rows = described.permute(0, 2, 3, 1)
        flat = rows.flatten(0, 2)
        # Products of some thousand places at once are added in single precision, which is fast, and these in double.
        return cls(len(described), rows.double().sum(dim=0).numpy(), (flat.T @ flat).double().numpy())

    def __add__(self, other: "PlaceSums") -> "PlaceSums":
        return PlaceSums(self.count + other.count, self.totals + other.totals, self.products + other.products)


@dataclass(frozen=True)
class GaussianOfPlaces:
    """What is expected at each place of good images, and how what is found there spreads around it.

    Args:
        means: h,w,D float32.
        whitening: D,D float32, lower triangular: the inverse of the Cholesky factor of the covariance that all places share.
    """

    means: Array
    whitening: Array

    @classmethod
    def fit(cls, sums: PlaceSums, shrinkage: float = SHRINKAGE) -> Self:
        """Return the Gaussians of these sums.

        The mean of a place is drawn to that of all places, as far as the means of so few images differ by chance (after James
        and Stein 1961): all the way where parts lie anyhow, hardly where they lie alike. The covariance is that around these
        means, plus a share of its mean diagonal.

        Raises:
            TooFewImages: for fewer than two images.
        """
        if sums.count < 2:
            raise TooFewImages(f"expected at least 2 good images to learn how their places vary, got {sums.count}.")
        own = sums.totals / sums.count
        everywhere = own.mean(axis=(0, 1))
        places, size = own.shape[0] * own.shape[1], own.shape[2]
        differing = (own - everywhere).reshape(places, size)
        between = float((differing**2).sum()) / places
        scatter = sums.products - sums.count * (rows := own.reshape(places, size)).T @ rows
        by_chance = float(np.trace(scatter)) / ((sums.count - 1) * places) / sums.count
        trust = max(0.0, 1 - by_chance / between) if between > SMALLEST else 0.0
        means = everywhere + trust * (own - everywhere)
        # Around other means than their own, places scatter by as much more as these lie apart.
        scatter += sums.count * (1 - trust) ** 2 * differing.T @ differing
        covariance = torch.from_numpy(scatter / (sums.count * places))
        covariance.diagonal().add_(max(shrinkage * float(covariance.diagonal().mean()), SMALLEST))
        factor = torch.linalg.cholesky(covariance)
        whitening = torch.linalg.solve_triangular(factor, torch.eye(size, dtype=torch.float64), upper=False)
        return cls(means.astype(np.float32), whitening.float().numpy())

    @torch.no_grad()
    def distances(self, described: Tensor) -> Tensor:
        """Return N,h,w, the Mahalanobis distance of each place of N,D,h,w, over the square root of D.

        A good place is near 1, whatever D is.

        Raises:
            ModelFileError: where D, h or w is another than that of the images it was fitted on.
        """
        for what, expected, came in zip(
            ("rows", "columns", "features"), self.means.shape, described.shape[2:] + described.shape[1:2], strict=True
        ):
            check_fit(f"{what} of places", expected, came)
        apart = described.permute(0, 2, 3, 1) - torch.from_numpy(self.means)
        return (apart @ self._whitening_transposed).square().mean(dim=3).sqrt()

    @cached_property
    def _whitening_transposed(self) -> Tensor:
        return torch.from_numpy(self.whitening).T.contiguous()

    def tensors(self) -> dict[str, Array]:
        """Return the arrays a model file keeps."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Array]) -> Self:
        """Return what `tensors` kept."""
        return cls(**tensors)
