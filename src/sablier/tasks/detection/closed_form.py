"""A detector without a network: the distance of an image to mixtures of its nearest training images.

The manifold of good images is taken to be locally flat. An image is reconstructed as the best mixture of its nearest
training images, with weights that sum to 1 (locally linear embedding, Roweis and Saul 2000; the distance to such a hull as
in Vincent and Bengio 2001). The residual is the anomaly score. It is measured on pixels, and on histograms of oriented
gradients (Dalal and Triggs 2005), which tolerate edges that move by a pixel. Nothing is trained: fitting takes a second or
two.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor

from sablier.baselines import thumbnail_shape, thumbnails
from sablier.errors import TooFewImages
from sablier.images.preprocess import Preprocess
from sablier.part_fit import check_fit
from sablier.tasks.detection.positive_definite import solve
from sablier.tasks.detection.resizing import BILINEAR, BOX, resized
from sablier.tasks.detection.tracing import at_most
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
SPARE = 4  # neighbours that are compared besides
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

    def compare(self, features: Tensor, sizes: tuple[int, ...], draws: bool = False) -> tuple[Tensor, Tensor | None]:
        """Compare N,D features with the best mixtures of their nearest training images, as many as each of `sizes` says.

        Returns:
            N,J float64 logarithms of mean squared distances; N,D, the last of the mixtures, if it `draws`.
        """
        check_fit("values of a training image", len(self.mean), features.shape[1])
        # In double precision, since what is outside may be far smaller than the sums whose difference it is.
        components = torch.from_numpy(self._components)
        centred = features.double() - torch.from_numpy(self.mean)
        projected = centred @ components.T
        outside = (centred.square().sum(dim=1) - projected.square().sum(dim=1)).clamp_min(0)
        near, offsets = self._nearest(projected, max(sizes))
        products = offsets @ offsets.transpose(1, 2)
        logarithms = []
        for size in sizes:
            among = products[:, :size, :size]
            weights = _mixing_weights(among)
            distances = ((among @ weights[:, :, None])[:, :, 0] * weights).sum(dim=1).clamp_min(0) + outside
            logarithms.append((distances / features.shape[1] + SMALLEST_DISTANCE).log())
        found = torch.stack(logarithms, dim=1)
        if not draws:
            return found, None
        mixtures = (weights.float()[:, None] @ near[:, : weights.shape[1]])[:, 0]
        return found, mixtures @ torch.from_numpy(self.components) + torch.from_numpy(self.mean)

    def _nearest(self, projected: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Return the `count` nearest training images of N,K coordinates, nearest first, or as many as there are.

        A training image is not its own neighbour, so it is measured as a new image would be. Distances in single precision
        choose a few more; those in double precision decide, so that rounding does not, which differs with the batch.

        Returns:
            N,count,K coordinates in single precision, and N,count,K differences from the image in double precision.
        """
        inside, kept = projected.float(), torch.from_numpy(self.kept)
        size = inside.square().sum(dim=1, keepdim=True)
        squared = torch.addmm(torch.from_numpy(self._sizes), inside, kept.T, alpha=-2) + size
        count = max(1, min(count, len(kept) - 1))
        near = kept[squared.topk(min(count + 1 + SPARE, len(kept)), dim=1, largest=False).indices]
        offsets = near - projected[:, None]
        found = offsets.square().sum(dim=2).topk(min(count + 1, near.shape[1]), dim=1, largest=False)
        order = found.indices
        if order.shape[1] > count:
            itself = found.values[:, :1] <= IDENTICAL * size
            order = torch.where(itself, order[:, 1:], order[:, :-1])
        order = order[:, :, None].expand(-1, -1, near.shape[2])
        return near.gather(1, order), offsets.gather(1, order)

    @cached_property
    def _components(self) -> Array:
        return self.components.astype(np.float64)

    @cached_property
    def _sizes(self) -> Array:
        """M squared norms of `kept`."""
        return np.asarray((self.kept**2).sum(axis=1))


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
        small = torch.from_numpy(flat).view(len(flat), *thumbnail_shape(preprocess)).permute(0, 3, 1, 2)
        edges = torch.cat([oriented_gradients(part) for part in at_most(IMAGES_PER_CHUNK, small)])
        return cls(Neighbourhood.fit(flat, seed), Neighbourhood.fit(edges.numpy(), seed))

    @torch.no_grad()
    def statistics(self, pixels: Array, preprocess: Preprocess) -> Array:
        """Return N,3 logarithms of squared distances of N,H,W,C pixels as `preprocess` makes them, higher is more anomalous.

        Two are of oriented gradients, one of pixels. They grow with the amount of edges; the scorer corrects for that.
        """
        rows = [np.empty((0, len(GRADIENT_NEIGHBOURS) + len(PIXEL_NEIGHBOURS)))]
        for part in _chunks(len(pixels)):
            x = torch.from_numpy(preprocess.scaled(pixels[part])).permute(0, 3, 1, 2)
            rows.append(self.score(x)[0].numpy())
        return np.concatenate(rows)

    def score(self, x: Tensor, pictures: bool = False) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Return the statistics of N,C,H,W images in [0, 1]; with `pictures`, the errors and the mixtures at their size, too.

        The errors are those of thumbnails, so detail that no thumbnail shows does not count as a defect.

        Returns:
            N,3 float64 statistics; N,H,W squared errors of the best mixture of training thumbnails, mean over channels;
            N,H,W,C, that mixture, in [0, 1].
        """
        channels, height, width = x.shape[1:]
        small = resized(x, *_thumbnail(height, width), BOX)
        flat = small.permute(0, 2, 3, 1).flatten(1)
        gradients, _ = self.gradients.compare(oriented_gradients(small), GRADIENT_NEIGHBOURS)
        among_pixels, drawn = self.pixels.compare(flat, PIXEL_NEIGHBOURS, pictures)
        statistics = torch.cat([gradients, among_pixels], dim=1)
        if drawn is None:
            return statistics, None, None
        mixture = drawn.view(-1, *small.shape[2:], channels).permute(0, 3, 1, 2)
        errors = (small - mixture).square().mean(dim=1, keepdim=True)
        enlarged = resized(mixture.clamp(0, 1), height, width, BILINEAR)
        return statistics, resized(errors, height, width, BILINEAR)[:, 0], enlarged.permute(0, 2, 3, 1).contiguous()

    def tensors(self) -> dict[str, Array]:
        """Return the float32 arrays that a model file keeps: 5 MB for 4,000 grey images."""
        spaces = {"pixels": self.pixels, "gradients": self.gradients}
        return {
            f"{space}_{item.name}": getattr(neighbourhood, item.name).astype(np.float32)
            for space, neighbourhood in spaces.items()
            for item in fields(neighbourhood)
        }

    @classmethod
    def from_tensors(cls, tensors: dict[str, Array]) -> "ClosedForm":
        """Return what `tensors` kept."""
        names = ("mean", "components", "kept")
        return cls(*(Neighbourhood(*(tensors[f"{space}_{name}"] for name in names)) for space in ("pixels", "gradients")))


def oriented_gradients(images: Tensor) -> Tensor:
    """Return N,D: the cube root of the amount of edges in 8 directions in each region of N,C,H,W images.

    Regions overlap, 6 or 7 along the longer side; channels are kept apart. The cube root keeps one strong edge from hiding
    many weak ones. It did a little better than the square root on clothes and photos, and as well on digits.
    """
    height, width = images.shape[2:]
    cell = max(1, round(max(height, width) / CELLS))
    smooth_down, slope_down, pool_down = map(torch.from_numpy, _filters(height, cell))
    smooth_right, slope_right, pool_right = (torch.from_numpy(matrix).T for matrix in _filters(width, cell))
    down = slope_down @ (images @ smooth_right)
    right = smooth_down @ (images @ slope_right)
    cosines, sines = (torch.from_numpy(each).view(-1, 1, 1, 1) for each in _directions())
    facing = (cosines * right[:, None] + sines * down[:, None]).clamp_min(0)
    return (pool_down @ (facing @ pool_right)).pow(1 / 3).flatten(1)


def _directions() -> tuple[Array, Array]:
    """Return the cosines and the sines of the directions of edges."""
    angles = 2 * np.pi * np.arange(DIRECTIONS, dtype=np.float32) / DIRECTIONS
    return np.cos(angles), np.sin(angles)


@lru_cache(32)
def _filters(length: int, cell: int) -> tuple[Array, Array, Array]:
    """Return matrices that smooth a line of pixels, differentiate it, and pool it into cells."""
    line = np.eye(length, dtype=np.float32)
    from scipy.ndimage import correlate1d, gaussian_filter1d

    smooth = gaussian_filter1d(line, cell / 4, axis=0, mode="nearest")
    slope = correlate1d(smooth, [-0.5, 0.0, 0.5], axis=0, mode="nearest")
    pool = gaussian_filter1d(line, cell / 2, axis=0, mode="constant")
    return smooth, slope, np.ascontiguousarray(pool[min(cell // 2, length // 2) :: cell])


@lru_cache(32)
def _thumbnail(height: int, width: int) -> tuple[int, int]:
    """Return the height and width of the thumbnail of an image."""
    return thumbnail_shape(Preprocess(height=height, width=width, channels=1))[:2]


def _mixing_weights(products: Tensor) -> Tensor:
    """Return N,K weights, which sum to 1, of the mixtures nearest to the origin.

    Args:
        products: N,K,K inner products of the K mixed images, relative to the origin.
    """
    count = products.shape[1]
    identity = torch.eye(count, dtype=products.dtype)
    trace = (products * identity).sum(dim=(1, 2))
    rows = products.mean(dim=2)
    mean = rows.mean(dim=1)  # the squared distance of the mean of the mixed images
    variance = (trace / count - mean).clamp_min(0)
    # The small terms keep the system solvable if all mixed images are equal.
    ridge = EVENNESS * variance + 1e-9 * trace + 1e-12
    # The mean is moved by a mixture of differences from it. Their products have eigenvalues of at most count * variance.
    around = products - rows[:, :, None] - rows[:, None] + mean[:, None, None]
    most = count * variance + ridge
    scaled = (around + ridge[:, None, None] * identity) / most[:, None, None]
    return 1 / count + solve(scaled, (mean[:, None] - rows) / most[:, None], EVENNESS / (count + EVENNESS))


def _chunks(count: int) -> Iterator[slice]:
    """Yield slices of `count` images, so that memory stays bounded."""
    return (slice(start, start + IMAGES_PER_CHUNK) for start in range(0, count, IMAGES_PER_CHUNK))
