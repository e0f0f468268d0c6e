"""The contamination filter: finds training images that may not belong, in seconds and without a network.

Training images are taken as normal, but a few may not be. Each image gets a score from a fit to other images. First, the
features are orientations of edges (Dalal and Triggs 2005); the models are a Gaussian in the leading directions
(probabilistic PCA, Tipping and Bishop 1999) and nearest neighbours. The highest-scoring images are then left out and the
rest is fitted again, since a few dozen contaminating images can bias the fit (concentration steps, Rousseeuw and Van
Driessen 1999). Last, with at least 300 images, `ClosedForm`, which is more sensitive, scores them. The procedure of
Benjamini and Hochberg (1995) lists the outliers.

The list is no verdict: a clean set has outliers, too, and a few percent may be listed.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sablier.baselines import distance_to_nearest, principal_directions, thumbnail_shape, thumbnails
from sablier.images.blocks import means_of_blocks
from sablier.images.grouping import group_numbers
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.typing import Array

# Chosen on training images of MNIST and Fashion-MNIST with 5 % of other images.
GRID = 8  # cells a side, at most
ORIENTATIONS = 8  # directions of an edge, from dark to bright: black on white differs from white on black
COLOUR_WEIGHT = 0.5  # of the mean colours, relative to the edges
EXPLAINED_VARIANCE = 0.7  # by the leading directions; with more, contaminating images have directions of their own
NEIGHBOUR_SHARE = 0.02  # of the images compared with; a few similar contaminating images must not make each other normal
FOLDS = 5
ROUGH_PASSES = 3
TRIMMED_SHARE = 0.12  # of the images, the highest-scoring, that the next fit leaves out
TAIL = 0.05  # of the images, at either end of the amount of edges
WRONG_SHARE = 0.15  # of the listed images that may be good, if scores of good images are normally distributed
WRONG_SHARE_OF_EXCLUDED = 0.4  # larger: fewer contaminating images are trained on, and fewer unusual good ones
FEWEST = 20  # images to estimate a spread from
ENOUGH_FOR_CLOSE = 300  # images; with fewer, the nearest ones that `ClosedForm` mixes are not near
MOST_LEARNT = 5000  # random images that a fold is fitted to
MOST_COMPARED = 1000  # images that neighbours are searched among
MOST_SIDE = 64  # pixels; larger images are reduced
PIXELS_AT_ONCE = 100_000  # so that intermediate results stay in the cache
SMALLEST_EDGE = 0.01  # of the range from black to white: a flat image has no edges, and no logarithm
SMALLEST_SPREAD = 0.01  # of a logarithm: variations below 1 % are rounding


@dataclass(frozen=True)
class Contamination:
    """The images of a training set that may not belong, highest-scoring first.

    Args:
        indices: K positions in the set that was filtered.
        scores: K distances above the median score, in standard deviations; higher is more anomalous.
        ids: K names.
        images: the number of images in the set.
        excluded: positions of these images and of the next ones, which are left out of training: a few good images less do
            no harm, a contaminating one does.
    """

    indices: Array
    scores: Array
    ids: Array
    images: int
    excluded: Array

    def __len__(self) -> int:
        return len(self.indices)


def find_contamination(images: ImageSet, preprocess: Preprocess, seed: int = 0) -> Contamination:
    """Return the images of a set that may not belong, using nothing but the set.

    Among fewer than 20 images nothing is listed.

    Args:
        images: a dense set, as `preprocess` makes it.
        preprocess: its value range.
        seed: of the folds and of the random images that are fitted.

    >>> rng = np.random.default_rng(0)
    >>> pixels = rng.integers(170, 200, (200, 16, 16, 1)).astype(np.uint8)
    >>> pixels[7, 4:9, 4:9] = 0
    >>> find_contamination(ImageSet(pixels), Preprocess(height=16, width=16, channels=1)).indices[:1].tolist()
    [7]
    """
    return ContaminationFilter(images, preprocess).among(images.ids, seed)


class ContaminationFilter:
    """Filters any subset of a set of images; features are computed once.

    Args:
        images: a dense set, as `preprocess` makes it.
    """

    def __init__(self, images: ImageSet, preprocess: Preprocess) -> None:
        self.images, self.preprocess = images, preprocess
        self._positions = {name: position for position, name in enumerate(images.ids.tolist())}
        self._groups = None if images.groups is None else group_numbers(images)

    def among(self, ids: Array, seed: int) -> Contamination:
        """Return what may not belong among the images with these names, using nothing but these."""
        rows = np.array([self._positions[name] for name in ids.tolist()], int)
        scores = self._scores(rows, seed) if len(rows) >= FEWEST else np.empty(0)
        listed = _beyond_chance(scores, WRONG_SHARE)
        indices = listed[np.argsort(-scores[listed], kind="stable")]
        excluded = _beyond_chance(scores, WRONG_SHARE_OF_EXCLUDED)
        return Contamination(indices, scores[indices], self.images.ids[rows[indices]], len(rows), excluded)

    def _scores(self, rows: Array, seed: int) -> Array:
        """Return N scores of these rows: distances above their median, in standard deviations."""
        facing, colour, edges = (each[rows] for each in self._described)
        features = _weighed(facing, colour)
        rng = np.random.default_rng(seed)
        # An image would look normal if a repeat of it were in the fit.
        groups = np.arange(len(rows)) if self._groups is None else np.unique(self._groups[rows], return_inverse=True)[1]
        folds = [np.flatnonzero(np.isin(groups, part)) for part in np.array_split(rng.permutation(groups.max() + 1), FOLDS)]
        learnt = np.ones(len(features), bool)
        scores = np.zeros(len(features))
        for closely in [False] * ROUGH_PASSES + [True] * (len(features) >= ENOUGH_FOR_CLOSE):
            found = []
            for fold in folds:
                others = rng.permutation(np.setdiff1d(np.flatnonzero(learnt), fold))[:MOST_LEARNT]
                if closely:
                    from sablier.tasks.detection.closed_form import ClosedForm

                    pixels, rule = self._small
                    fitted = ClosedForm.fit(pixels[rows[others]], rule, seed)
                    found.append(fitted.statistics(pixels[rows[fold]], rule))
                else:
                    found.append(_strangeness(features[others], features[fold]))
            statistics = np.concatenate(found)[np.argsort(np.concatenate(folds))]
            # Scores grow with the amount of edges, in normal images, too. Beyond the usual amounts, this is not corrected.
            usual = np.clip(edges, *np.quantile(edges[learnt], (TAIL, 1 - TAIL)))
            design = np.c_[np.ones(len(edges)), usual]
            statistics -= design @ np.linalg.lstsq(design[learnt], statistics[learnt], rcond=None)[0]
            scores = np.mean([_standardised(column) for column in statistics.T], axis=0)
            learnt = scores <= np.quantile(scores, 1 - TRIMMED_SHARE)
        return _standardised(scores)

    @cached_property
    def _described(self) -> tuple[Array, Array, Array]:
        return _described(self.images.array, self.preprocess)

    @cached_property
    def _small(self) -> tuple[Array, Preprocess]:
        """The images as thumbnails, for `ClosedForm`, and their value range."""
        shape = thumbnail_shape(self.preprocess)
        pixels = thumbnails(self.images.array, self.preprocess).reshape(-1, *shape)
        sizes = {"height": shape[0], "width": shape[1], "dtype": "float32", "black": 0.0, "white": 1.0}
        return pixels, self.preprocess.model_copy(update=sizes)


def _described(pixels: Array, preprocess: Preprocess) -> tuple[Array, Array, Array]:
    """Return N,D amounts of edges by direction in cells, N,E colours of cells, and N logarithms of the amount of edges."""
    size = max(1, PIXELS_AT_ONCE // int(np.prod(pixels.shape[1:])))
    found = [_cells(_small(preprocess.to_unit(pixels[start : start + size]))) for start in range(0, len(pixels), size)]
    facing, colour = (np.concatenate(part).astype(np.float32) for part in zip(*found, strict=True))
    return facing, colour, np.log(facing.mean(axis=1) * ORIENTATIONS + SMALLEST_EDGE)


def _weighed(facing: Array, colour: Array) -> Array:
    """Return N,D: edges and colours, weighted, side by side."""
    return np.concatenate([_scaled(np.sqrt(facing)), COLOUR_WEIGHT * _scaled(colour)], axis=1)


def _small(values: Array) -> Array:
    """Return N,H,W,C values averaged over squares, to at most MOST_SIDE pixels a side."""
    return means_of_blocks(values, -(-max(values.shape[1:3]) // MOST_SIDE))


def _cells(values: Array) -> tuple[Array, Array]:
    """Return N,D amounts of edges by direction in the cells of a grid over N,H,W,C values, and N,E mean colours of the cells.

    Cells do not overlap and edges are sharp: compared as a whole, this separates contaminating images better than the
    blurred, overlapping cells of `ClosedForm`.
    """
    grey = values.mean(axis=3)
    down, right = np.zeros_like(grey), np.zeros_like(grey)
    down[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
    right[:, :, 1:-1] = grey[:, :, 2:] - grey[:, :, :-2]
    magnitude = np.hypot(down, right)
    turn = np.arctan2(down, right) / (2 * np.pi) * ORIENTATIONS
    lower = np.floor(turn)
    share = turn - lower  # of the next direction, so that a small rotation changes little
    lower = lower.astype(int) % ORIENTATIONS
    shares = [(lower == k) * (1 - share) + (lower == (k - 1) % ORIENTATIONS) * share for k in range(ORIENTATIONS)]
    return _pooled(np.stack([magnitude * each for each in shares], axis=3)), _pooled(values)


def _pooled(planes: Array) -> Array:
    """Return N,D means of N,H,W,K planes in the cells of the grid; the last cells may be smaller."""
    for axis in (1, 2):
        side = planes.shape[axis]
        starts = np.arange(0, side, -(-side // GRID))
        sizes = np.diff(np.r_[starts, side]).reshape(-1, *[1] * (3 - axis))
        planes = np.add.reduceat(planes, starts, axis=axis) / sizes
    return np.asarray(planes.reshape(len(planes), -1))


def _scaled(features: Array) -> Array:
    """Return centred features with a total variance of 1."""
    centred = features - features.mean(axis=0)
    return np.asarray(centred / max(float((centred**2).sum(axis=1).mean()) ** 0.5, 1e-6))


def _strangeness(known: Array, new: Array) -> Array:
    """Return N,2 logarithms: Mahalanobis distances under probabilistic PCA, and distances to nearest neighbours."""
    mean = known.mean(axis=0)
    squares, directions = principal_directions(known - mean)
    variances = squares / len(known)
    count = 1 + int(np.sum(np.cumsum(variances) < EXPLAINED_VARIANCE * variances.sum()))
    noise = variances[count:].sum() / max(known.shape[1] - count, 1) + 1e-9
    centred = new - mean
    inside = centred @ directions[:count].T
    residual = np.maximum((centred**2).sum(axis=1) - (inside**2).sum(axis=1), 0.0)
    distance = (inside**2 / (variances[:count] + 1e-9)).sum(axis=1) + residual / noise
    compared = known[:MOST_COMPARED]
    nearest = distance_to_nearest(new, compared, max(1, round(NEIGHBOUR_SHARE * len(compared))))
    return np.asarray(np.log(np.maximum(np.c_[distance, nearest], 1e-9)))


def _standardised(values: Array) -> Array:
    """Return values relative to their median, in standard deviations of a normal distribution with the same upper quartile.

    Both are robust: they hardly change if a tenth of the images do not belong. The upper quartile is used since scores are
    skewed to the right.
    """
    from scipy.stats import norm

    median, upper = np.quantile(values, [0.5, 0.75])
    return np.asarray((values - median) / max(float(upper - median) / norm.ppf(0.75), SMALLEST_SPREAD))


def _beyond_chance(scores: Array, wrong_share: float) -> Array:
    """Return the positions of normally distributed scores that the Benjamini-Hochberg procedure rejects."""
    from scipy.stats import false_discovery_control, norm

    return np.flatnonzero(false_discovery_control(norm.sf(scores)) <= wrong_share) if len(scores) else np.empty(0, int)
