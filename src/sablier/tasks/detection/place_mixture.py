"""A mixture of Gaussians of the features at the places of good images; the distance from it is an anomaly score.

After PaDiM (Defard, Setkov, Loesch and Audigier 2020, arXiv 2011.08785), where each place has its own Gaussian. Here, all
places of all images share a mixture, so a few dozen images are enough. Only the mean differs from place to place, as far as
places differ by more than chance.
"""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sablier.errors import ModelFileError, TooFewImages
from sablier.part_fit import check_fit
from sablier.tasks.detection.place_moments import SMALLEST, PlaceMoments
from sablier.tasks.detection.places import PlaceSums
from sablier.typing import Array

SHRINKAGE = 0.01  # of the mean variance, added to each: features that hardly vary must not decide
ROUNDED = 1e-5  # of the mean square: the possible error of variances from sums in single precision
# Components: as many as fit 160,000 numbers of whitening matrices, at most 32, at most one per 8 images and per 24 sampled
# places.
MOST_COMPONENTS, WHITENING_NUMBERS, IMAGES_A_COMPONENT, FEWEST_OF_COMPONENT = 32, 160_000, 8, 24
PRIOR = 3  # times D places: the weight of the covariance of all components in that of each
K_MEANS_STEPS, EM_STEPS = 8, 1
AT_ONCE = 4096  # places compared with all components at once


@dataclass(frozen=True)
class PlaceMixture:
    """The expected features at each place of good images, and how the residuals spread.

    Args:
        means: h,w,D float32, on a grid of at most 64 x 64, or 1,1,D if places do not differ; float16 in earlier files.
        centres: K,D float32, whitened differences of the components from the mean of their place.
        whitening: K,D,D float32, lower triangular, whitens the residuals of each component.
        penalties: K float32, at least 0, added to squared distances; larger for wide or rare components.
    """

    means: Array
    centres: Array
    whitening: Array
    penalties: Array

    @classmethod
    def fit(cls, sums: PlaceSums, seed: int = 0, shrinkage: float = SHRINKAGE) -> Self:
        """Return the mixture of these sums.

        The means are those of `PlaceMoments`. Residuals are whitened by their covariance plus a share of its mean diagonal.
        Components are found there by k-means and then by classification EM (Celeux and Govaert 1992). The covariance of each
        is shrunk to that of all.

        Raises:
            TooFewImages: for fewer than two images.
        """
        if sums.count < 2:
            raise TooFewImages(f"expected at least 2 good images to learn how their places vary, got {sums.count}.")
        moments = sums.moments
        covariance, least = _regular_covariance(moments, shrinkage)
        size = len(covariance)
        whiten = _inverse_factor(covariance)[0]
        at_places = _at_size(torch.from_numpy(moments.means), *sums.totals.shape[:2]).reshape(-1, size)
        rows = (sums.sample - at_places[sums.where % len(at_places)]) @ whiten.float().T
        held = len(rows) // FEWEST_OF_COMPONENT, sums.count // IMAGES_A_COMPONENT
        count = max(1, min(MOST_COMPONENTS, WHITENING_NUMBERS // size**2, *held))
        centres, factors, penalties = _components(rows, count, least * whiten @ whiten.T, seed)
        return cls(
            moments.means,
            torch.einsum("kde,ke->kd", factors, centres).float().numpy(),
            (factors @ whiten).float().numpy(),
            (penalties - penalties.min()).float().numpy(),
        )

    def renewed(self, before: PlaceMoments, after: PlaceMoments, shrinkage: float = SHRINKAGE) -> Self:
        """Return the mixture with the means and the whitening of other moments; in the whitened space, components stay.

        Args:
            before: the moments that this mixture has its means and its whitening from.
            after: those that the new one gets them from.
            shrinkage: as it was fitted with.

        Raises:
            ModelFileError: for moments of other features, or that no images have.
        """
        check_fit("features of places", self.centres.shape[1], len(after.products))
        try:
            undone = torch.linalg.cholesky(_regular_covariance(before, shrinkage)[0])
            whiten = _inverse_factor(_regular_covariance(after, shrinkage)[0])[0]
        except RuntimeError as error:  # a matrix that is no covariance
            raise ModelFileError("the sums over training images in the model file are of no images. Train it anew.") from error
        whitening = torch.from_numpy(self.whitening).double() @ (undone @ whiten)
        return replace(self, means=after.means, whitening=whitening.float().numpy())

    def distances(self, described: Tensor) -> Tensor:
        """Return N,h,w: the distance of each place of N,D,h,w from the nearest component, over the square root of D.

        It is the Mahalanobis distance, with the penalty of the component added to its square. A good place is near 1,
        whatever D is.

        Raises:
            ModelFileError: if D is not that of the fitted images.
        """
        apart = self._apart(described)
        size = apart.shape[3]
        parts = torch.split(apart.flatten(1, 2), AT_ONCE, dim=1)
        squares = [self._nearest(rows.reshape(-1, size)).view(-1, rows.shape[1]) for rows in parts]
        return (torch.cat(squares, dim=1) / size).sqrt().view(apart.shape[:3])

    def whitened(self, described: Tensor) -> Tensor:
        """Return N,D,h,w differences of N,D,h,w features from the mean of their place, whitened by the first component.

        Raises:
            ModelFileError: if D is not that of the fitted images.
        """
        apart = self._apart(described)
        return (apart @ torch.from_numpy(self.whitening[0]).T).permute(0, 3, 1, 2)

    def _apart(self, described: Tensor) -> Tensor:
        """Return N,h,w,D differences of N,D,h,w features from the mean of their place."""
        check_fit("features", self.means.shape[2], described.shape[1])
        return described.permute(0, 2, 3, 1) - _at_size(torch.from_numpy(self.means), *described.shape[2:])

    def _nearest(self, rows: Tensor) -> Tensor:
        """Return R: the smallest squared distance of R,D from the components, with penalties."""
        count, size = self.centres.shape
        offsets, penalties = torch.from_numpy(-self.centres.ravel()), torch.from_numpy(self.penalties)
        whitened = torch.addmm(offsets, rows, torch.from_numpy(self._joined_whitening))
        return (whitened.view(-1, count, size).square().sum(dim=2) + penalties).amin(dim=1)

    @cached_property
    def _joined_whitening(self) -> Array:
        """D,K*D: the whitening matrices of all components, side by side."""
        return np.ascontiguousarray(self.whitening.reshape(-1, self.whitening.shape[2]).T)

    def tensors(self) -> dict[str, Array]:
        """Return the arrays that a model file keeps."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Array]) -> Self:
        """Return what `tensors` kept."""
        return cls(**tensors)


def _regular_covariance(moments: PlaceMoments, shrinkage: float) -> tuple[Tensor, float]:
    """Return D,D, the covariance plus a share of its mean diagonal, in double precision, and what was added."""
    covariance = torch.from_numpy(moments.covariance.copy())
    uncertain = ROUNDED * moments.mean_square
    least = max(shrinkage * float(covariance.diagonal().mean()), uncertain, SMALLEST)
    covariance.diagonal().add_(least)
    return covariance, least


def _at_size(means: Tensor, height: int, width: int) -> Tensor:
    """Return means of h,w,D as height,width,D float32, or 1,1,D if all places have one mean."""
    found = means.float()
    if found.shape[:2] in ((1, 1), (height, width)):
        return found
    return F.interpolate(found.permute(2, 0, 1)[None], (height, width), mode="bilinear")[0].permute(1, 2, 0)


def _components(rows: Tensor, count: int, least: Tensor, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return K,D centres of R,D whitened rows, K,D,D inverse Cholesky factors of covariances, K penalties, all in double.

    Args:
        least: D,D, added to each covariance: the share of the mean variance, whitened.
    """
    generator = torch.Generator().manual_seed(seed)
    centres = rows[torch.randperm(len(rows), generator=generator)[:count]]
    for _ in range(K_MEANS_STEPS * (count > 1)):
        nearest = (centres.square().sum(dim=1) - 2 * rows @ centres.T).argmin(dim=1)
        centres = _means_of(rows, nearest, centres)
    chosen = (centres.square().sum(dim=1) - 2 * rows @ centres.T).argmin(dim=1)
    found = _gaussians(rows, chosen, centres, least)
    for _ in range(EM_STEPS * (count > 1)):
        centres, factors, penalties = (each.float() for each in found)
        joined, offsets = factors.flatten(0, 1).T, torch.einsum("kde,ke->kd", factors, centres).flatten()
        chosen = torch.cat(
            [
                ((part @ joined - offsets).view(len(part), count, -1).square().sum(dim=2) + penalties).argmin(dim=1)
                for part in torch.split(rows, AT_ONCE)
            ]
        )
        found = _gaussians(rows, chosen, centres, least)
    return found


def _means_of(rows: Tensor, chosen: Tensor, before: Tensor) -> Tensor:
    """Return K,D: the means of the rows assigned to each component; those `before` if there are none."""
    counts = torch.bincount(chosen, minlength=len(before))[:, None]
    return torch.where(counts > 0, torch.zeros_like(before).index_add_(0, chosen, rows) / counts.clamp_min(1), before)


def _gaussians(rows: Tensor, chosen: Tensor, before: Tensor, least: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return centres, inverse factors and penalties of components, given the component of each row."""
    centres, size = _means_of(rows, chosen, before), rows.shape[1]
    apart = rows - centres[chosen]
    common = (apart.T @ apart / len(rows)).double()
    factors, penalties = [], []
    for number in range(len(centres)):
        own = apart[chosen == number]
        covariance = ((own.T @ own).double() + PRIOR * size * common) / (len(own) + PRIOR * size)
        factor, logarithm = _inverse_factor(covariance + least)
        factors.append(factor)
        share = (len(own) + 1) / (len(rows) + len(centres))
        penalties.append(logarithm - 2 * float(np.log(share)))
    return centres.double(), torch.stack(factors), torch.tensor(penalties, dtype=torch.float64)


def _inverse_factor(covariance: Tensor) -> tuple[Tensor, float]:
    """Return the inverse of the lower Cholesky factor, and the log-determinant."""
    factor = torch.linalg.cholesky(covariance)
    identity = torch.eye(len(factor), dtype=factor.dtype)
    return torch.linalg.solve_triangular(factor, identity, upper=False), 2 * float(factor.diagonal().log().sum())
