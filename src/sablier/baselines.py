"""The baselines: PCA and nearest neighbours on thumbnails, reported beside every result.

They are fitted in seconds with fixed settings, on the training images of the model, and calibrated on the same images. A
network should beat them.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from sablier.images.chunks import at_once
from sablier.images.pixel_rule import PixelRule
from sablier.typing import Array

THUMBNAIL = 32
EXPLAINED_VARIANCE = 0.9
MOST_COMPONENTS = 64
MOST_KEPT = 1000
NEIGHBOURS = 5
AT_ONCE = 64  # images that are reduced at once: all photos in single precision would fill the memory
NEGLIGIBLE, TINY = 1e-10, 1e-30  # sums of squares that are rounding errors: as a share of the largest, and at all
MOST_EXACT = 300  # images up to which the exact decomposition is faster than to load the randomised one


@dataclass(frozen=True)
class Baselines:
    """PCA residual and distance to the nearest training thumbnails.

    Args:
        mean: D values, the mean thumbnail.
        components: K,D orthonormal directions that explain 90 % of the variance, at most 64.
        kept: M,D thumbnails, at most 1,000, a random sample of the training images.
    """

    mean: Array
    components: Array
    kept: Array

    @classmethod
    def fit(cls, pixels: Array, preprocess: PixelRule, seed: int = 0) -> "Baselines":
        """Fit both on N,H,W,C training pixels as `preprocess` makes them."""
        flat = thumbnails(pixels, preprocess)
        most = min(MOST_COMPONENTS, *flat.shape)
        centred = flat - flat.mean(axis=0)
        variances, directions = _principal(centred, most, seed)
        # Relative to the variance of all pixels, so that a truncated fit explains the same share.
        explained = np.cumsum(variances) / max(float((centred**2).sum()), 1e-12)
        count = min(most, 1 + int(np.sum(explained < EXPLAINED_VARIANCE)))
        chosen = np.random.default_rng(seed).permutation(len(flat))[:MOST_KEPT]
        return cls(flat.mean(axis=0), directions[:count].astype(np.float32), flat[np.sort(chosen)])

    def scores(self, pixels: Array, preprocess: PixelRule) -> dict[str, Array]:
        """Return the anomaly scores "pca" and "knn" of N,H,W,C pixels; higher is more anomalous."""
        return self.scores_of(thumbnails(pixels, preprocess))

    def scores_of(self, flat: Array) -> dict[str, Array]:
        """Return the same of N,D thumbnails."""
        centred = flat - self.mean
        inside = centred @ self.components.T
        residual = (centred**2).sum(axis=1) - (inside**2).sum(axis=1)
        return {
            "pca": np.maximum(residual, 0.0) / flat.shape[1],
            "knn": distance_to_nearest(flat, self.kept, NEIGHBOURS) / flat.shape[1] ** 0.5,
        }

    def tensors(self) -> dict[str, Array]:
        """Return the arrays that a model file keeps; the thumbnails as 8-bit values of their range."""
        low, high = float(self.kept.min()), float(self.kept.max())
        step = (high - low) / 255 or 1.0
        return {
            "mean": self.mean.astype(np.float32),
            "components": self.components,
            "kept": np.round((self.kept - low) / step).astype(np.uint8),
            "range": np.array([low, step], np.float32),
        }

    @classmethod
    def from_tensors(cls, tensors: dict[str, Array]) -> "Baselines":
        """Return what `tensors` kept."""
        low, step = tensors["range"]
        return cls(tensors["mean"], tensors["components"], tensors["kept"].astype(np.float32) * step + low)


def distance_to_nearest(new: Array, known: Array, neighbours: int) -> Array:
    """Return N: the mean distance of each of N,D points to the nearest of M,D known ones.

    >>> distance_to_nearest(np.zeros((1, 1)), np.array([[1.0], [2.0], [9.0]]), 2)
    array([1.5])
    """
    squared = (new**2).sum(axis=1)[:, None] - 2 * new @ known.T + (known**2).sum(axis=1)
    count = min(neighbours, len(known))
    return np.asarray(np.sqrt(np.maximum(np.partition(squared, count - 1, axis=1)[:, :count], 0.0)).mean(axis=1))


def principal_directions(centred: Array) -> tuple[Array, Array]:
    """Return the sums of squares of N,D centred points along their principal directions, largest first, and these, K,D.

    Those of fewer points than dimensions come from the products of the points with each other, in double precision: many times as
    fast as a singular value decomposition. Directions without variance are left out, but for the first.
    """
    if len(centred) < centred.shape[1]:
        points = centred.astype(np.float64)
        squares, weights = np.linalg.eigh(points @ points.T)
        first = max(1, int(np.sum(squares > NEGLIGIBLE * squares[-1])))
        squares, weights = np.maximum(squares[: -first - 1 : -1], 0.0), weights[:, : -first - 1 : -1]
        directions = weights.T @ points / np.sqrt(np.maximum(squares, TINY))[:, None]
        return squares, directions.astype(centred.dtype)
    squares, columns = np.linalg.eigh(centred.T @ centred)
    return np.maximum(squares[::-1], 0.0), columns[:, ::-1].T


def _principal(centred: Array, most: int, seed: int) -> tuple[Array, Array]:
    """Return the sums of squares along the first principal directions of N,D centred points, and these, K,D."""
    if len(centred) <= MOST_EXACT:
        squares, directions = principal_directions(centred)
        return squares[:most], directions[:most]
    from sklearn.utils.extmath import randomized_svd

    _, spreads, directions = randomized_svd(centred, most, random_state=seed)
    return spreads**2, directions


def thumbnails(pixels: Array, preprocess: PixelRule) -> Array:
    """Return N,H,W,C pixels as N,D values, 0 for black and 1 for white, scaled so that no side exceeds 32 pixels."""
    height, width, channels = thumbnail_shape(preprocess)
    found = np.empty((len(pixels), height, width, channels), np.float32)
    step = at_once(AT_ONCE, preprocess.height * preprocess.width)
    for start in range(0, len(pixels), step):
        values = preprocess.scaled(pixels[start : start + step])
        if (height, width) != values.shape[1:3]:
            planes = values.transpose(0, 3, 1, 2).reshape(-1, *values.shape[1:3])
            small = [np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BOX)) for plane in planes]
            values = np.array(small).reshape(len(values), channels, height, width).transpose(0, 2, 3, 1)
        found[start : start + step] = values
    return found.reshape(len(pixels), height * width * channels)


def thumbnail_shape(preprocess: PixelRule) -> tuple[int, int, int]:
    """Return height, width and channels of the thumbnail of an image.

    >>> thumbnail_shape(PixelRule(height=64, width=96, channels=3))
    (21, 32, 3)
    """
    scale = min(1.0, THUMBNAIL / max(preprocess.height, preprocess.width))
    height, width = (max(1, round(side * scale)) for side in (preprocess.height, preprocess.width))
    return height, width, preprocess.channels
