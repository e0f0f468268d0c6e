"""A detector without a network: the distance of an image to mixtures of its nearest training images.

The manifold of good images is taken to be locally flat. An image is reconstructed as the best mixture of its nearest
training images, with weights that sum to 1 (locally linear embedding, Roweis and Saul 2000; the distance to such a hull as
in Vincent and Bengio 2001). The residual is the anomaly score. It is measured on pixels, and on histograms of oriented
gradients (Dalal and Triggs 2005), which tolerate edges that move by a pixel. Nothing is trained: fitting takes a second or
two.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from sablier.baselines import thumbnail_shape, thumbnails
from sablier.errors import TooFewImages
from sablier.images.preprocess import Preprocess
from sablier.part_fit import check_fit
from sablier.typing import Array

MOST_KEPT = 4000
MOST_COMPONENTS = 128
IMAGES_PER_COMPONENT = 4  # with fewer, the components would fit the training images better than new ones
GRADIENT_NEIGHBOURS = (10, 40)  # two statistics, so that gradients weigh twice as much as pixels
PIXEL_NEIGHBOURS = (20,)
EVENNESS = 0.3  # ridge that evens out the weights of a mixture, as a share of the variance among the neighbours
CELLS = 7  # along the longer side, or one fewer
DIRECTIONS = 8
IMAGES_PER_CHUNK = 500
IDENTICAL = 1e-5  # squared distance, as a share of the squared norm: the rounding error between equal images
SMALLEST_DISTANCE = 1e-6  # mean squared, far below the step of 8-bit pixels


@dataclass(frozen=True)
class Neighbourhood:
    """Training images in one space, as coordinates along principal components.

    Args:
        mean: D values.
        components: K,D orthonormal directions of most variance.
        kept: M,K coordinates of training images.
    """

    mean: Array
    components: Array
    kept: Array

    @classmethod
    def fit(cls, features: Array, seed: int) -> "Neighbourhood":
        """Keep N,D features of training images."""
        from sklearn.decomposition import PCA

        most = max(1, min(MOST_COMPONENTS, len(features) // IMAGES_PER_COMPONENT, features.shape[1]))
        with np.errstate(invalid="ignore"):  # equal images have no variance to take shares of
            pca = PCA(most, svd_solver="randomized", random_state=seed).fit(features)
        # In the memory order of a model file, so that scores are bit-equal.
        mean, components = (np.ascontiguousarray(value, dtype=np.float32) for value in (pca.mean_, pca.components_))
        return cls(mean, components, np.ascontiguousarray((features - mean) @ components.T))

    def compare(self, features: Array, sizes: tuple[int, ...]) -> tuple[Array, Array]:
        """Compare N,D features with the best mixtures of their nearest training images, as many as each of `sizes` says.

        Returns:
            N,J logarithms of mean squared distances; N,D, the last of the mixtures.
        """
        check_fit("values of a training image", len(self.mean), features.shape[1])
        centred = features - self.mean
        inside = centred @ self.components.T
        outside = np.maximum((centred**2).sum(axis=1) - (inside**2).sum(axis=1), 0.0)
        near = self.kept[self._nearest(inside, max(sizes))]
        offsets = near - inside[:, None]
        products = (offsets @ offsets.transpose(0, 2, 1)).astype(np.float64)
        logarithms = []
        for size in sizes:
            among = products[:, :size, :size]
            weights = _mixing_weights(among)
            distances = np.maximum(np.einsum("ni,nij,nj->n", weights, among, weights, optimize=True), 0.0) + outside
            logarithms.append(np.log(distances / features.shape[1] + SMALLEST_DISTANCE))
        mixtures = (weights.astype(np.float32)[:, None] @ near[:, : weights.shape[1]])[:, 0]
        return np.stack(logarithms, axis=1), np.asarray(mixtures @ self.components + self.mean)

    def _nearest(self, inside: Array, count: int) -> Array:
        """Return the indices of the `count` nearest training images, nearest first, or of as many as there are.

        A training image is not its own neighbour, so it is measured as a new image would be.
        """
        size = (inside**2).sum(axis=1)[:, None]
        squared = size - 2 * inside @ self.kept.T + (self.kept**2).sum(axis=1)
        count = max(1, min(count, len(self.kept) - 1))
        near = np.argpartition(squared, min(count, len(self.kept) - 1), axis=1)[:, : count + 1]
        squared = np.take_along_axis(squared, near, axis=1)
        order = np.argsort(squared, axis=1, kind="stable")
        itself = (squared.min(axis=1, keepdims=True) <= IDENTICAL * size) & (near.shape[1] > count)
        return np.take_along_axis(near, np.take_along_axis(order, np.arange(count) + itself, axis=1), axis=1)


@dataclass(frozen=True)
class ClosedForm:
    """The detector of tier `tiny`: distances to mixtures of nearby training thumbnails.

    Args:
        pixels: training thumbnails as they are.
        gradients: the same as oriented gradients.
    """

    pixels: Neighbourhood
    gradients: Neighbourhood

    @classmethod
    def fit(cls, pixels: Array, preprocess: Preprocess, seed: int = 0) -> "ClosedForm":
        """Keep at most 4,000 random images of N,H,W,C training pixels, as `preprocess` makes them.

        Raises:
            TooFewImages: for no image.
        """
        if not len(pixels):
            raise TooFewImages("expected at least 1 training image to compare others with, got none.")
        chosen = np.sort(np.random.default_rng(seed).permutation(len(pixels))[:MOST_KEPT])
        flat = np.concatenate([thumbnails(pixels[chosen[part]], preprocess) for part in _chunks(len(chosen))])
        edges = np.concatenate([oriented_gradients(_images(flat[part], preprocess)) for part in _chunks(len(flat))])
        return cls(Neighbourhood.fit(flat, seed), Neighbourhood.fit(edges, seed))

    def statistics(self, pixels: Array, preprocess: Preprocess) -> Array:
        """Return N,3 logarithms of squared distances, higher is more anomalous: two of oriented gradients, one of pixels.

        They grow with the amount of edges; the scorer corrects for that.
        """
        rows = [np.empty((0, len(GRADIENT_NEIGHBOURS) + len(PIXEL_NEIGHBOURS)))]
        rows.extend(statistics for statistics, _, _ in self._seen(pixels, preprocess))
        return np.concatenate(rows)

    def score(self, pixels: Array, preprocess: Preprocess) -> tuple[Array, Array, Array]:
        """Return the statistics, the errors and the mixtures, at the size of the images.

        The errors are those of thumbnails, so detail that no thumbnail shows does not count as a defect.

        Returns:
            N,3 statistics; N,H,W squared errors of the best mixture of training thumbnails, mean over channels; N,H,W,C,
            that mixture, in [0, 1].
        """
        height, width, channels = pixels.shape[1:]
        parts = [
            (
                np.empty((0, len(GRADIENT_NEIGHBOURS) + len(PIXEL_NEIGHBOURS))),
                np.empty((0, height, width, 1), np.float32),
                np.empty((0, height, width, channels), np.float32),
            )
        ]
        for statistics, flat, drawn in self._seen(pixels, preprocess):
            errors = _images((flat - drawn) ** 2, preprocess).mean(axis=3, keepdims=True)
            mixture = _images(drawn.clip(0, 1), preprocess)
            parts.append((statistics, _enlarged(errors, height, width), _enlarged(mixture, height, width)))
        statistics, anomaly_map, mixtures = (np.concatenate(each) for each in zip(*parts, strict=True))
        return statistics, anomaly_map[..., 0], mixtures

    def _seen(self, pixels: Array, preprocess: Preprocess) -> Iterator[tuple[Array, Array, Array]]:
        """Yield statistics, thumbnails and best mixtures of training thumbnails, a chunk at a time."""
        for part in _chunks(len(pixels)):
            flat = thumbnails(pixels[part], preprocess)
            gradients, _ = self.gradients.compare(oriented_gradients(_images(flat, preprocess)), GRADIENT_NEIGHBOURS)
            among_pixels, drawn = self.pixels.compare(flat, PIXEL_NEIGHBOURS)
            yield np.c_[gradients, among_pixels], flat, drawn

    def tensors(self) -> dict[str, Array]:
        """Return the float32 arrays that a model file keeps: 5 MB for 4,000 grey images."""
        spaces = {"pixels": self.pixels, "gradients": self.gradients}
        return {
            f"{space}_{name}": value.astype(np.float32)
            for space, neighbourhood in spaces.items()
            for name, value in neighbourhood.__dict__.items()
        }

    @classmethod
    def from_tensors(cls, tensors: dict[str, Array]) -> "ClosedForm":
        """Return what `tensors` kept."""
        names = ("mean", "components", "kept")
        return cls(*(Neighbourhood(*(tensors[f"{space}_{name}"] for name in names)) for space in ("pixels", "gradients")))


def oriented_gradients(images: Array) -> Array:
    """Return N,D: the cube root of the amount of edges in 8 directions in each region of N,H,W,C images.

    Regions overlap, 6 or 7 along the longer side; channels are kept apart. The cube root keeps one strong edge from hiding
    many weak ones. It did a little better than the square root on clothes and photos, and as well on digits.
    """
    height, width = images.shape[1:3]
    cell = max(1, round(max(height, width) / CELLS))
    planes = images.transpose(0, 3, 1, 2)
    (smooth_down, slope_down, pool_down), (smooth_right, slope_right, pool_right) = _filters(height, cell), _filters(width, cell)
    down = slope_down @ planes @ smooth_right.T
    right = smooth_down @ planes @ slope_right.T
    pooled = []
    for angle in 2 * np.pi * np.arange(DIRECTIONS, dtype=np.float32) / DIRECTIONS:
        facing = np.maximum(np.cos(angle) * right + np.sin(angle) * down, 0)
        pooled.append(pool_down @ (facing @ pool_right.T))
    return np.asarray(np.cbrt(np.stack(pooled, axis=1)).reshape(len(images), -1))


def _filters(length: int, cell: int) -> tuple[Array, Array, Array]:
    """Return matrices that smooth a line of pixels, differentiate it, and pool it into cells."""
    line = np.eye(length, dtype=np.float32)
    from scipy.ndimage import correlate1d, gaussian_filter1d

    smooth = gaussian_filter1d(line, cell / 4, axis=0, mode="nearest")
    slope = correlate1d(smooth, [-0.5, 0.0, 0.5], axis=0, mode="nearest")
    pool = gaussian_filter1d(line, cell / 2, axis=0, mode="constant")
    return smooth, slope, pool[min(cell // 2, length // 2) :: cell]


def _images(flat: Array, preprocess: Preprocess) -> Array:
    """Return N,D thumbnails as N,H,W,C."""
    return flat.reshape(len(flat), *thumbnail_shape(preprocess))


def _enlarged(images: Array, height: int, width: int) -> Array:
    """Return N,h,w,C float32 images at N,height,width,C, interpolated."""
    if images.shape[1:3] == (height, width):
        return images
    planes = images.transpose(0, 3, 1, 2).reshape(-1, *images.shape[1:3])
    large = np.array([np.asarray(Image.fromarray(p).resize((width, height), Image.Resampling.BILINEAR)) for p in planes])
    return large.reshape(len(images), -1, height, width).transpose(0, 2, 3, 1)


def _mixing_weights(products: Array) -> Array:
    """Return N,K weights, which sum to 1, of the mixtures nearest to the origin.

    Args:
        products: N,K,K inner products of the K mixed images, relative to the origin.
    """
    count = products.shape[1]
    trace = np.trace(products, axis1=1, axis2=2)
    variance = np.maximum(trace - products.sum(axis=(1, 2)) / count, 0.0) / count
    # The small terms keep the system solvable if all mixed images are equal.
    ridge = EVENNESS * variance + 1e-9 * trace + 1e-12
    weights = np.linalg.solve(products + ridge[:, None, None] * np.eye(count), np.ones((len(products), count, 1)))[..., 0]
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _chunks(count: int) -> Iterator[slice]:
    """Yield slices of `count` images, so that memory stays bounded."""
    return (slice(start, start + IMAGES_PER_CHUNK) for start in range(0, count, IMAGES_PER_CHUNK))
