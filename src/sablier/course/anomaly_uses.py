"""What lesson 1 names beside the detection of anomalies: groups of similar images, and compression, by codes."""

from dataclasses import dataclass

import numpy as np

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.metrics import psnr
from sablier.models.base import Model
from sablier.report.pictures import as_bytes, png
from sablier.tasks.latent.cluster import ClusterResult, cluster_latents
from sablier.tasks.latent.latents import Latents
from sablier.tasks.latent.reconstruct import decode, encode, squared_errors
from sablier.typing import Array

MOST_GROUPED = 1000  # test images
SHOWN = 8  # of each group
LEVELS = 255  # steps to which a number of a code is rounded: one byte


@dataclass(frozen=True)
class Groups:
    """Clusters of test images by their codes.

    Args:
        result: the clusters.
        typical: cluster -> its most typical images, H,W,C in [0, 1].
        commonest: cluster -> its most frequent label, and the share of images with it.
    """

    result: ClusterResult
    typical: list[Array]
    commonest: list[tuple[str, float]]


@dataclass(frozen=True)
class Sizes:
    """How long images and codes are, in bytes, means over test images.

    Args:
        pixels: one byte for each pixel and channel.
        png: of PNG files.
        code: one byte for each number.
        psnr_exact, psnr_rounded: of images decoded from codes, and from codes of one byte a number, in dB.
    """

    pixels: int
    png: float
    code: int
    psnr_exact: float
    psnr_rounded: float


def grouped(model: Model, preprocess: Preprocess, tests: ImageSet) -> Groups:
    """Cluster the codes of the first 1,000 test images into as many groups as there are labels; labels only measure them."""
    images = tests.take(np.arange(min(MOST_GROUPED, len(tests))))
    classes = len(np.unique(np.asarray(images.labels)))
    codes = encode(model, preprocess, images)
    result = cluster_latents(Latents(images.ids, codes, images.labels), classes, manifold="spectral")
    unit = preprocess.to_unit(images.array)
    shares = [next(iter(result.label_shares(cluster).items())) for cluster in range(result.count)]
    return Groups(result, [unit[result.typical(cluster, SHOWN)] for cluster in range(result.count)], shares)


def sizes_of_codes(model: Model, preprocess: Preprocess, training: ImageSet, tests: ImageSet) -> Sizes:
    """Measure the codes of test images as compressed images; the range of each number is that of the training images."""
    images = tests.take(np.arange(min(MOST_GROUPED, len(tests))))
    known, codes, unit = encode(model, preprocess, training), encode(model, preprocess, images), preprocess.to_unit(images.array)
    low, step = known.min(axis=0), np.maximum(np.ptp(known, axis=0), 1e-6) / LEVELS
    rounded = (np.round((codes - low) / step).clip(0, LEVELS) * step + low).astype(np.float32)
    exact, coarse = (float(squared_errors(unit, decode(model, preprocess, each)).mean()) for each in (codes, rounded))
    return Sizes(
        pixels=unit[0].size,
        png=float(np.mean([len(png(as_bytes(image))) for image in unit])),
        code=codes.shape[1],
        psnr_exact=psnr(exact),
        psnr_rounded=psnr(coarse),
    )
