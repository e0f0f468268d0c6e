"""The quality of generated images: as a set against real images, and against the training images.

Features are N,D numbers of each image, by any extractor. Figures of different extractors do not compare, nor do those of
different numbers of images. Each is therefore to be read next to its floor: the same of real images against other real ones.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

from sablier.errors import TooFewImages
from sablier.typing import Array

NEIGHBOURS = 3  # Kynkaanniemi et al. 2019
CHUNK_VALUES = 20_000_000  # distances computed at once
COPIED_QUANTILE = 0.01  # nearer to a training image than 99 % of new real images are: possibly a copy


@dataclass(frozen=True)
class Memorising:
    """How near generated images are to training images, compared with new real images.

    Args:
        generated, real: the median root mean squared difference to the nearest training image.
        copied: share of generated images nearer to one than 99 % of new real images are; by chance 0.01.
    """

    generated: float
    real: float
    copied: float

    def to_json(self) -> dict[str, float]:
        """Return the numbers."""
        return asdict(self)


def frechet_distance(features: Array, real: Array) -> float:
    """Return the squared Frechet distance between the Gaussians of two sets of features (Heusel et al. 2017).

    It is FID only with the features of the Inception network; with others, it is called FD.

    >>> random = np.random.default_rng(0)
    >>> a = random.normal(size=(5000, 3))
    >>> round(frechet_distance(a + [1, 0, 0], a), 4), round(frechet_distance(2 * a, a), 1)
    (1.0, 3.0)

    Raises:
        TooFewImages: for fewer than 2 of either.
    """
    if min(len(features), len(real)) < 2:
        raise TooFewImages(f"expected at least 2 images on both sides, got {len(features)} and {len(real)}.")
    (mean, covariance), (other, its) = (_moments(each) for each in (features, real))
    values, axes = np.linalg.eigh(covariance)
    root = (axes * np.sqrt(np.maximum(values, 0))) @ axes.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ its @ root), 0)).sum()
    return float(max(0.0, ((mean - other) ** 2).sum() + np.trace(covariance) + np.trace(its) - 2 * cross))


def precision_recall(features: Array, real: Array, neighbours: int = NEIGHBOURS) -> tuple[float, float]:
    """Return precision and recall of generated features (Kynkaanniemi et al. 2019).

    A feature is in the support of a set if it is no farther from one of its features than that one's k-th neighbour in the
    set. Precision is the share of generated features in the support of the real ones: whether images look real. Recall is
    the reverse: whether they cover all real images.

    >>> random = np.random.default_rng(0)
    >>> real = random.normal(size=(500, 2))
    >>> precision_recall(real[:50] * 0.01, real)[0], precision_recall(real[:50] * 0.01, real)[1] < 0.05
    (1.0, True)
    """
    if min(len(features), len(real)) <= neighbours:
        raise TooFewImages(f"expected more than {neighbours} images on both sides, got {len(features)} and {len(real)}.")
    return _share_among(features, real, neighbours), _share_among(real, features, neighbours)


def nearest_distances(images: Array, others: Array) -> tuple[Array, Array]:
    """Return the root mean squared difference of each of N images to the nearest of M others, and the position of that one."""
    flat, known = (np.ascontiguousarray(each.reshape(len(each), -1), np.float32) for each in (images, others))
    squares = (known**2).sum(axis=1)
    distances, places = np.empty(len(flat)), np.empty(len(flat), np.int64)
    step = max(1, CHUNK_VALUES // len(known))
    for start in range(0, len(flat), step):
        block = flat[start : start + step]
        found = (squares - 2 * block @ known.T).argmin(axis=1)
        places[start : start + step] = found
        # Again by differences: squares of long sums lose small values.
        distances[start : start + step] = np.sqrt(((block - known[found]) ** 2).mean(axis=1))
    return distances, places


def memorising(generated: Array, real: Array, training: Array) -> Memorising:
    """Measure whether generated images are copies of training images, compared with new real images."""
    ours, theirs = (nearest_distances(each, training)[0] for each in (generated, real))
    copied = float((ours < np.quantile(theirs, COPIED_QUANTILE)).mean())
    return Memorising(float(np.median(ours)), float(np.median(theirs)), copied)


def _moments(features: Array) -> tuple[Array, Array]:
    wide = np.asarray(features, np.float64)
    return wide.mean(axis=0), np.atleast_2d(np.cov(wide.T))


def _share_among(features: Array, known: Array, neighbours: int) -> float:
    """Return the share of features within the distance of the k-th neighbour of some known one."""
    known, features = np.asarray(known, np.float32), np.asarray(features, np.float32)
    reach = np.concatenate([np.partition(block, neighbours, axis=1)[:, neighbours] for block in _squared(known, known)])
    inside = np.concatenate([(block <= reach).any(axis=1) for block in _squared(features, known)])
    return float(inside.mean())


def _squared(features: Array, known: Array) -> Iterator[Array]:
    """Yield the N,M squared distances, some rows at a time."""
    squares, step = (known**2).sum(axis=1), max(1, CHUNK_VALUES // len(known))
    for start in range(0, len(features), step):
        block = features[start : start + step]
        yield np.maximum((block**2).sum(axis=1)[:, None] + squares - 2 * block @ known.T, 0)
