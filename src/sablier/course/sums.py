"""Decoded sums of codes against the truth, where the truth is known: the same for letters and for faces."""

from dataclasses import dataclass

import numpy as np

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.tasks.latent.reconstruct import decode, encode, squared_errors
from sablier.typing import Array


@dataclass(frozen=True)
class Sums:
    """Decoded sums of codes against the truth; errors are mean squared errors of pixels in [0, 1].

    Args:
        count: how many sums.
        error: of the decoded sum, to the truth.
        nothing: of the image to be changed, to the truth: the error without a sum.
        redrawn: of the reconstruction of the truth: the error if the code of the sum were right.
        right: the share of sums that are nearer, in pixels, to the truth than to any other candidate of the pose.
        right_by_code: the same share by the distances of codes.
    """

    count: int
    error: float
    nothing: float
    redrawn: float
    right: float
    right_by_code: float

    @property
    def error_ratio(self) -> float:
        """The error over that without a sum."""
        return self.error / self.nothing

    @property
    def floor_ratio(self) -> float:
        """The same ratio if the code were that of the truth: a floor for the error of sums."""
        return self.redrawn / self.nothing


def encoded(model: Model, preprocess: Preprocess, pixels: Array) -> Array:
    """Return the codes of P,K,H,W,C images, P,K,latent."""
    return encode(model, preprocess, ImageSet(pixels.reshape(-1, *pixels.shape[2:]))).reshape(*pixels.shape[:2], -1)


def compared(
    model: Model, preprocess: Preprocess, pixels: Array, codes: Array, sums: Array, *, start: Array, truth: Array
) -> Sums:
    """Compare decoded sums with the images that they should give.

    Args:
        pixels: P,K,H,W,C: the candidates of each pose.
        codes: P,K,latent: their codes.
        sums: P,S,latent.
        start: S: which candidate each sum changes.
        truth: S: which candidate each sum should give.
    """
    unit, (poses, count) = preprocess.to_unit(pixels), sums.shape[:2]
    drawn = decode(model, preprocess, sums.reshape(poses * count, -1)).reshape(poses, count, *unit.shape[2:])
    wanted, place = np.unique(truth, return_inverse=True)
    redrawn = decode(model, preprocess, codes[:, wanted].reshape(poses * len(wanted), -1))
    redrawn = redrawn.reshape(poses, len(wanted), *unit.shape[2:])
    flat = (poses * count, -1)
    true = unit[:, truth].reshape(flat)
    return Sums(
        count=poses * count,
        error=float(squared_errors(true, drawn.reshape(flat)).mean()),
        nothing=float(squared_errors(true, unit[:, start].reshape(flat)).mean()),
        redrawn=float(squared_errors(true, redrawn[:, place].reshape(flat)).mean()),
        right=_share_nearest(drawn.reshape(poses, count, -1), unit.reshape(poses, len(unit[0]), -1), truth),
        right_by_code=_share_nearest(sums, codes, truth),
    )


def _share_nearest(found: Array, candidates: Array, truth: Array) -> float:
    """Return the share of P,S,D vectors whose nearest of P,K,D candidates is the one with the number in S."""
    squares = [((one[:, None] - known) ** 2).sum(axis=2) for one, known in zip(found, candidates, strict=True)]
    return float(np.mean(np.stack(squares).argmin(axis=2) == truth))
