"""The contamination filter: which training images may not belong among the others, found in seconds and without a network.

Training images are said to be normal, and often a few are not. Each image is scored by what the others look like: it is
left out while a Gaussian in the leading directions (probabilistic PCA, Tipping and Bishop 1999) and the distances to
nearest neighbours are fitted to orientations of edges (Dalal and Triggs 2005). The strangest are then left out of the
fit, and the rest is fitted anew, since a few dozen intruders are enough to bend it towards them (the concentration steps
of Rousseeuw and Van Driessen 1999). At last, with most intruders out of the way, the sharper eye of `ClosedForm` looks.
What is beyond the spread of the images in the middle is listed by the rule of Benjamini and Hochberg (1995).

The list is a suspicion, not a verdict: a clean set has its oddest images too, and a few in a hundred may be listed.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sablier.baselines import distance_to_nearest, thumbnail_shape, thumbnails
from sablier.images.blocks import means_of_blocks
from sablier.images.grouping import group_numbers
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.tasks.detection.closed_form import ClosedForm
from sablier.typing import Array

# Chosen on training images of MNIST and Fashion-MNIST with a twentieth of others among them.
GRID = 8  # cells a side, at most
ORIENTATIONS = 8  # of an edge, from dark to bright, so that a black line on white and a white one on black differ
COLOUR_WEIGHT = 0.5  # of the mean colours, beside the edges
EXPLAINED_VARIANCE = 0.7  # by the leading directions; with more of them the intruders have directions of their own
NEIGHBOUR_SHARE = 0.02  # of the images compared with; an intruder must not be excused by a few of its own kind
FOLDS = 5
ROUGH_PASSES = 3
TRIMMED_SHARE = 0.12  # of the images, the strangest, that the next pass does not learn from
TAIL = 0.05  # of the images, at either end of how many edges they have
WRONG_SHARE = 0.15  # of the listed, that may be good images were the scores of good images normally distributed
WRONG_SHARE_OF_EXCLUDED = 0.4  # larger: fewer intruders teach, and fewer of the odd but good
FEWEST = 20  # images that a spread can be told from
ENOUGH_FOR_CLOSE = 300  # images; with fewer, the nearest that `ClosedForm` mixes are not near
MOST_LEARNT = 5000  # images that a fold learns from, drawn at random
MOST_COMPARED = 1000  # images that a fold looks for neighbours among
MOST_SIDE = 64  # pixels; photos are looked at in small
PIXELS_AT_ONCE = 100_000  # so that what is computed of them stays in the cache
SMALLEST_EDGE = 0.01  # of the range from black to white: a flat image has no edge, and no logarithm
SMALLEST_SPREAD = 0.01  # of a logarithm: where images vary by less than 1 %, a difference is arithmetic


@dataclass(frozen=True)
class Contamination:
    """The images of a training set that may not belong, the strangest first.

    Args:
        indices: K positions in the set that was searched.
        scores: K: by how many spreads of the set an image is stranger than its median image; higher is worse.
        ids: K names.
        images: how many images were searched.
        excluded: positions of these and of those next in line: what had better teach nothing. A few good images
            more or less are no loss to training, an intruder is.
    """

    indices: Array
    scores: Array
    ids: Array
    images: int
    excluded: Array

    def __len__(self) -> int:
        return len(self.indices)


def find_contamination(images: ImageSet, preprocess: Preprocess, seed: int = 0) -> Contamination:
    """Return the images that may not belong among the others, from no more than the images.

    Nothing is listed among fewer than 20 images.

    Args:
        images: a dense set, as `preprocess` makes it.
        preprocess: its value range.
        seed: of the folds and of the images drawn to learn from.

    >>> rng = np.random.default_rng(0)
    >>> pixels = rng.integers(170, 200, (200, 16, 16, 1)).astype(np.uint8)
    >>> pixels[7, 4:9, 4:9] = 0
    >>> find_contamination(ImageSet(pixels), Preprocess(height=16, width=16, channels=1)).indices[:1].tolist()
    [7]
    """
    return ContaminationFilter(images, preprocess).among(images.ids, seed)


class ContaminationFilter:
    """Images described once, among any of which contamination is then looked for.

    Args:
        images: a dense set, as `preprocess` makes it.
    """

    def __init__(self, images: ImageSet, preprocess: Preprocess) -> None:
        self.images, self.preprocess = images, preprocess
        self._positions = {name: position for position, name in enumerate(images.ids.tolist())}
        self._groups = None if images.groups is None else group_numbers(images)

    def among(self, ids: Array, seed: int) -> Contamination:
        """Return what may not belong among images of these names, from no more than these."""
        rows = np.array([self._positions[name] for name in ids.tolist()], int)
        scores = self._scores(rows, seed) if len(rows) >= FEWEST else np.empty(0)
        listed = _beyond_chance(scores, WRONG_SHARE)
        indices = listed[np.argsort(-scores[listed], kind="stable")]
        excluded = _beyond_chance(scores, WRONG_SHARE_OF_EXCLUDED)
        return Contamination(indices, scores[indices], self.images.ids[rows[indices]], len(rows), excluded)

    def _scores(self, rows: Array, seed: int) -> Array:
        """Return N: by how many spreads each image of these rows is stranger than their median image."""
        facing, colour, edges = (each[rows] for each in self._described)
        features = _weighed(facing, colour)
        rng = np.random.default_rng(seed)
        # An image whose repeat is learnt from looks normal, whatever it shows.
        groups = np.arange(len(rows)) if self._groups is None else np.unique(self._groups[rows], return_inverse=True)[1]
        folds = [np.flatnonzero(np.isin(groups, part)) for part in np.array_split(rng.permutation(groups.max() + 1), FOLDS)]
        learnt = np.ones(len(features), bool)
        scores = np.zeros(len(features))
        for closely in [False] * ROUGH_PASSES + [True] * (len(features) >= ENOUGH_FOR_CLOSE):
            found = []
            for fold in folds:
                others = rng.permutation(np.setdiff1d(np.flatnonzero(learnt), fold))[:MOST_LEARNT]
                if closely:
                    pixels, rule = self._small
                    fitted = ClosedForm.fit(pixels[rows[others]], rule, seed)
                    found.append(fitted.statistics(pixels[rows[fold]], rule))
                else:
                    found.append(_strangeness(features[others], features[fold]))
            statistics = np.concatenate(found)[np.argsort(np.concatenate(folds))]
            # Strangeness grows with how much there is to draw, whether or not it belongs. Unusually much excuses nothing more.
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
        """The images as thumbnails, which is all of them that `ClosedForm` looks at, and what they are."""
        shape = thumbnail_shape(self.preprocess)
        pixels = thumbnails(self.images.array, self.preprocess).reshape(-1, *shape)
        sizes = {"height": shape[0], "width": shape[1], "dtype": "float32", "black": 0.0, "white": 1.0}
        return pixels, self.preprocess.model_copy(update=sizes)


def _described(pixels: Array, preprocess: Preprocess) -> tuple[Array, Array, Array]:
    """Return N,D, how much edge faces each way in the cells of images, N,E, their colours, and N logarithms of their edges."""
    size = max(1, PIXELS_AT_ONCE // int(np.prod(pixels.shape[1:])))
    found = [_cells(_small(preprocess.to_unit(pixels[start : start + size]))) for start in range(0, len(pixels), size)]
    facing, colour = (np.concatenate(part).astype(np.float32) for part in zip(*found, strict=True))
    return facing, colour, np.log(facing.mean(axis=1) * ORIENTATIONS + SMALLEST_EDGE)


def _weighed(facing: Array, colour: Array) -> Array:
    """Return N,D: edges and colours side by side, as they are compared."""
    return np.concatenate([_scaled(np.sqrt(facing)), COLOUR_WEIGHT * _scaled(colour)], axis=1)


def _small(values: Array) -> Array:
    """Return N,H,W,C values averaged over squares, to at most MOST_SIDE pixels a side."""
    return means_of_blocks(values, -(-max(values.shape[1:3]) // MOST_SIDE))


def _cells(values: Array) -> tuple[Array, Array]:
    """Return N,D: how much edge faces each way in the cells of a grid over N,H,W,C values; and N,E, their mean colours.

    Cells are apart and edges sharp: the blurred, overlapping ones of `ClosedForm` tell less between intruders and the rest
    when compared as a whole.
    """
    grey = values.mean(axis=3)
    down, right = np.zeros_like(grey), np.zeros_like(grey)
    down[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
    right[:, :, 1:-1] = grey[:, :, 2:] - grey[:, :, :-2]
    magnitude = np.hypot(down, right)
    turn = np.arctan2(down, right) / (2 * np.pi) * ORIENTATIONS
    lower = np.floor(turn)
    share = turn - lower  # of the next orientation, so that a small rotation changes little
    lower = lower.astype(int) % ORIENTATIONS
    shares = [(lower == k) * (1 - share) + (lower == (k - 1) % ORIENTATIONS) * share for k in range(ORIENTATIONS)]
    return _pooled(np.stack([magnitude * each for each in shares], axis=3)), _pooled(values)


def _pooled(planes: Array) -> Array:
    """Return N,D means of N,H,W,K planes in the cells of the grid; those at the end may be smaller."""
    for axis in (1, 2):
        side = planes.shape[axis]
        starts = np.arange(0, side, -(-side // GRID))
        sizes = np.diff(np.r_[starts, side]).reshape(-1, *[1] * (3 - axis))
        planes = np.add.reduceat(planes, starts, axis=axis) / sizes
    return np.asarray(planes.reshape(len(planes), -1))


def _scaled(features: Array) -> Array:
    """Return features about their mean, of a total variance of 1."""
    centred = features - features.mean(axis=0)
    return np.asarray(centred / max(float((centred**2).sum(axis=1).mean()) ** 0.5, 1e-6))


def _strangeness(known: Array, new: Array) -> Array:
    """Return N,2 logarithms: the Mahalanobis distance under probabilistic PCA, and the distance to nearest neighbours."""
    mean = known.mean(axis=0)
    variances, directions = _directions(known - mean)
    count = 1 + int(np.sum(np.cumsum(variances) < EXPLAINED_VARIANCE * variances.sum()))
    noise = variances[count:].sum() / max(known.shape[1] - count, 1) + 1e-9
    centred = new - mean
    inside = centred @ directions[:, :count]
    residual = np.maximum((centred**2).sum(axis=1) - (inside**2).sum(axis=1), 0.0)
    distance = (inside**2 / (variances[:count] + 1e-9)).sum(axis=1) + residual / noise
    compared = known[:MOST_COMPARED]
    nearest = distance_to_nearest(new, compared, max(1, round(NEIGHBOUR_SHARE * len(compared))))
    return np.asarray(np.log(np.maximum(np.c_[distance, nearest], 1e-9)))


def _directions(centred: Array) -> tuple[Array, Array]:
    """Return the variances of N,D features along their principal directions, greatest first, and those as columns."""
    if len(centred) < centred.shape[1]:
        _, spreads, rows = np.linalg.svd(centred, full_matrices=False)
        return spreads**2 / len(centred), rows.T
    variances, directions = np.linalg.eigh(centred.T @ centred / np.float32(len(centred)))
    return np.maximum(variances[::-1], 0.0), directions[:, ::-1]


def _standardised(values: Array) -> Array:
    """Return values about their median, in standard deviations of a normal distribution with the same upper quartile.

    Both stay where they are, nearly, while a tenth of the images do not belong. The upper quartile, since strangeness is
    skewed: its upper half is wider.
    """
    from scipy.stats import norm

    median, upper = np.quantile(values, [0.5, 0.75])
    return np.asarray((values - median) / max(float(upper - median) / norm.ppf(0.75), SMALLEST_SPREAD))


def _beyond_chance(scores: Array, wrong_share: float) -> Array:
    """Return the positions of what Benjamini and Hochberg's rule rejects of normally distributed scores."""
    from scipy.stats import false_discovery_control, norm

    return np.flatnonzero(false_discovery_control(norm.sf(scores)) <= wrong_share) if len(scores) else np.empty(0, int)
