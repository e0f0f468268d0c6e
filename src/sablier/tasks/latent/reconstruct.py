"""Encode, decode and reconstruct sets of images with one network, a batch at a time."""

from dataclasses import asdict, dataclass
from math import isfinite, prod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional as F

from sablier.errors import ImagesError, TooFewImages
from sablier.images.chunks import images_at_once
from sablier.images.imageset import ImageSet, Skipped
from sablier.images.preprocess import Preprocess
from sablier.metrics import psnr
from sablier.models.base import Model
from sablier.part_fit import check_finite
from sablier.tasks.streaming import MOST_SKIPPED_LISTED, Kept, kept
from sablier.transforms.batches import Batches
from sablier.typing import Array

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

TASK = "reconstruct"
MOST_ERRORS = 100_000  # beyond this, the median is that of an even sample of the errors: off by 0.2 % of the ranks
SAMPLE = 64  # even sample of images, of which those nearest to the median are shown
MOST_PCA_VALUES = 50_000_000  # 200 megabytes as float32, a few times as much while PCA is fitted


@dataclass(frozen=True)
class ReconstructionResult:
    """The reconstructions of N images.

    Args:
        ids: N names.
        mse: N mean squared errors of pixels in [0, 1], of the images as the model takes them.
        images: N,H,W,C pixels in [0, 1] as the model takes them.
        reconstructions: N,H,W,C, likewise.
        sizes: N,2 original heights and widths.
        labels: N labels of the source, if it has any.
        skipped: images that could not be read.
    """

    ids: Array
    mse: Array
    images: Array
    reconstructions: Array
    sizes: Array
    labels: Array | None = None
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def to_table(self) -> list[dict[str, Any]]:
        """Return one row per image; the PSNR, in dB, is None for an exact reconstruction."""
        columns = {"id": self.ids} | ({} if self.labels is None else {"label": self.labels}) | {"mse": self.mse}
        lists = [column.tolist() for column in columns.values()]
        return [dict(zip(columns, row, strict=True)) | {"psnr": _decibels(row[-1])} for row in zip(*lists, strict=True)]

    def to_json(self) -> dict[str, Any]:
        """Return everything except the pictures."""
        return {"images": len(self), "skipped": [asdict(item) for item in self.skipped], "errors": self.to_table()}


@dataclass(frozen=True)
class ReconstructionSummary:
    """A stream of reconstructions in numbers and pictures.

    Args:
        count, skipped_count: the numbers of reconstructed and of unreadable images.
        mean_mse, median_mse, worst_mse, worst_id: of the errors of the images, and the image with the largest.
        numbers: the length of a code.
        values: of an image as the model takes it: height x width x channels.
        pca_mse: the mean error of PCA with as many numbers on the same images, or None.
        best, typical, worst: a few images each, with pictures; typical ones are near the median.
        skipped: unreadable images, at most 1,000 of them.
        network: which network reconstructed, if the model file holds several; otherwise "".
    """

    count: int
    skipped_count: int
    mean_mse: float
    median_mse: float
    worst_mse: float
    worst_id: str
    numbers: int
    values: int
    pca_mse: float | None
    best: ReconstructionResult
    typical: ReconstructionResult
    worst: ReconstructionResult
    skipped: tuple[Skipped, ...]
    network: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the numbers."""
        return {
            "images": self.count,
            "mean_mse": self.mean_mse,
            "median_mse": self.median_mse,
            "worst_mse": self.worst_mse,
            "worst_id": self.worst_id,
            "psnr_of_mean_mse": _decibels(self.mean_mse),
            "numbers": self.numbers,
            "values": self.values,
            "pca_mse": self.pca_mse,
            "skipped": [asdict(item) for item in self.skipped],
            "skipped_count": self.skipped_count,
            "network": self.network,
        }


class ReconstructionSummarizer:
    """Reconstructs chunk by chunk and keeps a summary, in memory that does not grow with the stream.

    Args:
        model, preprocess: the network and its preprocessing.
        shown: how many images to keep of the best, of the typical and of the worst.
        pca: from `fitted_pca`, to compare with, or None.
    """

    def __init__(self, model: Model, preprocess: Preprocess, shown: int, pca: "PCA | None" = None, seed: int = 0) -> None:
        self.model, self.preprocess, self.shown, self.pca = model, preprocess, shown, pca
        self.random = np.random.default_rng(seed)
        self.count = self.skipped_count = 0
        self.total = self.pca_total = 0.0
        self.errors, self.lots = np.empty(0), np.empty(0)
        self.skipped: list[Skipped] = []
        self.best: Kept | None = None
        self.sample: Kept | None = None
        self.worst: Kept | None = None

    def reconstruct(self, images: ImageSet) -> ReconstructionResult:
        """Reconstruct one chunk, update the summary, and return the result."""
        dense = images.dense(self.preprocess)
        result = reconstruction_result(self.model, self.preprocess, dense)
        self.count += len(result)
        self.total += float(result.mse.sum())
        if self.pca is not None:
            self.pca_total += float(squared_errors(result.images, reconstructed_by_pca(self.pca, result.images)).sum())
        self.skipped_count += len(result.skipped)
        self.skipped = [*self.skipped, *result.skipped][:MOST_SKIPPED_LISTED]
        lots = self.random.random(len(result))
        self.errors, self.lots = np.r_[self.errors, result.mse], np.r_[self.lots, lots]
        if len(self.errors) > MOST_ERRORS:
            drawn = np.argsort(self.lots)[:MOST_ERRORS]
            self.errors, self.lots = self.errors[drawn], self.lots[drawn]
        self.best = kept(self.best, dense, -result.mse, self.shown)
        self.sample = kept(self.sample, dense, lots, SAMPLE)
        self.worst = kept(self.worst, dense, result.mse, self.shown)
        return result

    def summary(self) -> ReconstructionSummary:
        """Return the summary.

        Raises:
            TooFewImages: if no image could be read.
        """
        if not self.count or self.best is None or self.sample is None or self.worst is None:
            raise TooFewImages("expected at least one image to reconstruct, got none.")
        median = float(np.median(self.errors))
        sample = reconstruction_result(self.model, self.preprocess, self.sample.images)
        by_distance = np.argsort(np.abs(sample.mse - median), kind="stable")
        few = min(self.shown, max(1, self.count // 3))
        worst = self.worst.images.take(range(few))
        best = _without(self.best.images, worst, few)
        typical = _without(self.sample.images.take(by_distance), ImageSet.concatenate([best, worst]), few)
        return ReconstructionSummary(
            count=self.count,
            skipped_count=self.skipped_count,
            mean_mse=self.total / self.count,
            median_mse=median,
            worst_mse=float(self.worst.priorities[0]),
            worst_id=str(worst.ids[0]),
            numbers=latent_size(self.model, self.preprocess),
            values=prod(self.model.shape),
            pca_mse=None if self.pca is None else self.pca_total / self.count,
            best=reconstruction_result(self.model, self.preprocess, best),
            typical=reconstruction_result(self.model, self.preprocess, typical),
            worst=reconstruction_result(self.model, self.preprocess, worst),
            skipped=tuple(self.skipped),
        )


@torch.no_grad()
def encode(model: Model, preprocess: Preprocess, images: ImageSet) -> Array:
    """Return the latents of dense images, N,latent float32.

    Raises:
        ModelFileError: if they are not finite.

    >>> from sablier.models import create_model
    >>> images, rule = ImageSet(np.zeros((3, 8, 8), np.uint8)), Preprocess(height=8, width=8, channels=1)
    >>> encode(create_model("bottleneck", (8, 8, 1), latent=4), rule, images).shape
    (3, 4)
    """
    model.eval()
    parts = [model.encode(batch.x).numpy() for batch in Batches(images, preprocess).in_order(_batch_size(preprocess))]
    codes = np.concatenate(parts) if parts else np.empty((0, latent_size(model, preprocess)), np.float32)
    return check_finite("codes", codes)


@torch.no_grad()
def decode(model: Model, preprocess: Preprocess, latents: Array) -> Array:
    """Return the images of N,latent codes, N,H,W,C float32 in [0, 1].

    Raises:
        ImagesError: for codes of another shape, or that are not finite.
        ModelFileError: if the images are not finite.
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
    none = np.empty((0, preprocess.height, preprocess.width, preprocess.channels), np.float32)
    return check_finite("images", np.concatenate([none, *parts]))


@torch.no_grad()
def reconstruct(model: Model, preprocess: Preprocess, images: ImageSet) -> Array:
    """Return the reconstructions of dense images, N,H,W,C float32 in [0, 1]; the model needs no code for that.

    Raises:
        ModelFileError: if they are not finite.
    """
    if {"encode", "decode"} <= model.capabilities:
        return decode(model, preprocess, encode(model, preprocess, images))
    model.eval()
    batches = Batches(images, preprocess).in_order(_batch_size(preprocess))
    parts = [model.reconstruct(batch.x).clamp(0, 1).permute(0, 2, 3, 1).numpy() for batch in batches]
    return check_finite("images", np.concatenate(parts))


def reconstruction_result(model: Model, preprocess: Preprocess, images: ImageSet) -> ReconstructionResult:
    """Return the reconstructions of dense images, with their errors."""
    unit, again = preprocess.to_unit(images.array), reconstruct(model, preprocess, images)
    return ReconstructionResult(
        ids=images.ids,
        mse=squared_errors(unit, again),
        images=unit,
        reconstructions=again,
        sizes=images.sizes,
        labels=images.labels,
        skipped=images.skipped,
    )


def squared_errors(images: Array, reconstructions: Array) -> Array:
    """Return N float64: the mean squared difference of each image, N,..., from its reconstruction."""
    squares = (images - reconstructions) ** 2
    return np.asarray(squares.mean(axis=tuple(range(1, squares.ndim)), dtype=np.float64))


def fitted_pca(images: ImageSet, preprocess: Preprocess, numbers: int, seed: int = 0) -> "PCA":
    """Fit PCA to dense images, with as many numbers as an autoencoder keeps.

    If the images have more than 50 million values, an even sample is used.

    Raises:
        TooFewImages: for fewer images than numbers.
    """
    from sklearn.decomposition import PCA

    values = prod(images.shape)
    numbers = min(numbers, values)  # beyond that PCA is exact
    count = min(len(images), max(numbers, MOST_PCA_VALUES // values))
    if count < numbers:
        raise TooFewImages(f"expected at least {numbers} images to fit PCA with {numbers} numbers, got {count}. Add images.")
    drawn = images.take(np.linspace(0, len(images) - 1, count).astype(int))
    return PCA(numbers, random_state=seed).fit(preprocess.to_unit(drawn.array).reshape(count, -1))


def reconstructed_by_pca(pca: "PCA", images: Array) -> Array:
    """Return the PCA reconstructions of N,H,W,C pixels in [0, 1], clipped to [0, 1]."""
    if not len(images):
        return images  # scikit-learn does not accept none
    flat = images.reshape(len(images), -1)
    return np.asarray(pca.inverse_transform(pca.transform(flat)).clip(0, 1).reshape(images.shape))


@torch.no_grad()
def latent_size(model: Model, preprocess: Preprocess) -> int:
    """Return the length of the network's code of an image."""
    return int(model.eval().encode(torch.zeros(1, preprocess.channels, preprocess.height, preprocess.width)).shape[1])


def scaled_back(pictures: Array, height: int, width: int) -> Array:
    """Return N,H,W or N,H,W,C pictures at the size of the images that `Preprocess` scaled to fit H x W.

    The borders are cut off, and the rest is scaled bilinearly to `height` x `width`.
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
    return images_at_once(preprocess.height, preprocess.width)


def _without(images: ImageSet, others: ImageSet, most: int) -> ImageSet:
    """Return the first `most` images that are not among the others."""
    return images.take(np.flatnonzero(~np.isin(images.ids, others.ids))[:most])


def _decibels(mse: float) -> float | None:
    """Return the PSNR for JSON: None for an exact reconstruction."""
    return psnr(mse) if isfinite(psnr(mse)) else None
