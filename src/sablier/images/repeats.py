"""Images that repeat others: pixel-equal ones, and near copies (bursts, video frames, recompressed or shifted files).

A near copy is nearer than independent images are. How near these come is estimated around each image: if its k-th nearest
neighbour is at a distance d, and distances are distributed as in D dimensions (the estimate of Levina and Bickel 2004), then
about k * (r / d)^D independent images are within r. Two rules find what is too near to be independent:

- A copy: the expected number of independent images within its distance is below 0.003.
- A burst: so many images are within a distance that chance would put them there in 3 of 1,000 sets (a Poisson tail), and at
  least nine in ten are copies. Behind the last of them there is a gap: the next image is twice as far, and they are as close
  together as noise puts them, or it is 6.5 times as far. The gap distinguishes a burst from parts in a fixture and from
  colours.

The nearest neighbours may be copies themselves, so several k are used; the larger ones reach beyond the copies.

Groups are the copies around one image each, the one with the most copies first. Copies of copies are not followed, so that a
slow video, or parts in a fixture, do not become one group.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from sablier.images.fingerprints import Fingerprints
from sablier.quantiles import poisson_means
from sablier.typing import Array

# Chosen on training images of MNIST, Fashion-MNIST, CIFAR-10 and the industrial sets; bench/dependence.py measures it.
EXPECTED = 0.003  # independent images within the radius of an image, or the probability of so many: below it they are copies
WRONG_SHARE = 0.1  # of a burst: independent images
GAP, WIDE_GAP = 2.0, 6.5  # distance of the next image over that of the last one of a burst
CLOSE = 0.8  # distance of the middle image of a burst over that of the last: noise puts all of them about equally far
NEIGHBOURS = tuple(round(8 * 2 ** (step / 4)) for step in range(25))  # k, up to 512
COPIES_BY = NEIGHBOURS[::4]  # the k of the rule for single copies; a burst needs one just beyond it
MOST_COMPARED = 4000  # random images that neighbours are searched among; random, since sets have an order
FEWEST = 17  # images for an estimate
SHARE = 0.8  # of the compared images, the most that neighbours may be of
ROWS_AT_ONCE, COLUMNS_AT_ONCE = 512, 4096  # whose products stay in the cache
SLACK = 2e-3  # relative error of distances by products of float32, which are computed again if it matters
REACH = 1.25  # of a burst's radius over its farthest image, if the gap is wider
NO_DISTANCE = 1e-5  # below the resolution of float32
NO_RADIUS = -1.0  # of an image without an estimate: it has no near copies


@dataclass(frozen=True)
class Surroundings:
    """How near independent images come to each other, estimated from a set of them.

    Args:
        compared: M,D descriptors that neighbours are searched among.
        images: how many images they represent.
        dimensions: D for each k that the set is large enough for, pooled over its images.
    """

    compared: Array
    images: int
    dimensions: dict[int, float]

    @classmethod
    def of(cls, descriptors: Array) -> tuple["Surroundings", Array]:
        """Return the surroundings that N,D descriptors make for each other, and the radius of each.

        An image within the radii of both is a copy. Below 17 images there is no estimate, and radii are negative.
        """
        count = len(descriptors)
        drawn = np.sort(np.random.default_rng(0).permutation(count)[:MOST_COMPARED])
        own = np.full(count, -1)
        own[drawn] = np.arange(len(drawn))
        distances = _nearest(descriptors, descriptors[drawn], own)
        logs = np.log(distances)
        told = [k for k in NEIGHBOURS if k <= logs.shape[1]]
        pooled = {k: _slope(k) / max(float(_spreads(logs, k).mean()), 1e-3) for k in told}
        found = cls(descriptors[drawn], count, pooled)
        return found, found._radii(logs)

    def radii(self, descriptors: Array) -> Array:
        """Return the radius of each of N,D descriptors of other images."""
        return self._radii(np.log(_nearest(descriptors, self.compared, np.full(len(descriptors), -1))))

    def _radii(self, logs: Array) -> Array:
        """Return N radii from N,K sorted logarithms of distances to the nearest images."""
        radii = np.full(len(logs), NO_RADIUS)
        share = self.images / max(len(self.compared), 1)
        rows, sizes = _gaps(logs)
        for k, pooled in self.dimensions.items():
            # A few distances give a poor estimate for one image: the more careful of its own and the pooled one is used.
            dimension = np.minimum(_slope(k) / np.maximum(_spreads(logs, k), 1e-3), pooled)
            if k in COPIES_BY:
                told = np.exp(logs[:, k - 1] - np.log(k * share / EXPECTED) / dimension)
                radii = np.maximum(radii, np.where(logs[:, k - 1] > np.log(2 * NO_DISTANCE), told, NO_RADIUS))
            expected = np.log(k) - dimension[rows] * (logs[rows, k - 1] - logs[rows, sizes - 1])
            burst = (sizes <= k // 2) & (expected <= _most_expected(logs.shape[1])[sizes - 1])
            chosen, size = rows[burst], sizes[burst]
            half_way = (logs[chosen, size] - logs[chosen, size - 1]) / 2
            np.maximum.at(radii, chosen, np.exp(logs[chosen, size - 1] + np.minimum(half_way, np.log(REACH))))
        return radii


def _gaps(logs: Array) -> tuple[Array, Array]:
    """Return the rows of N,K sorted logarithms, and the numbers of nearest images, behind which there is the gap of a burst."""
    if not logs.shape[1]:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    last, gaps = logs[:, :-1], np.diff(logs, axis=1)
    middle = logs[:, np.arange(logs.shape[1] - 1) // 2]
    apart = ((gaps >= np.log(GAP)) & (last - middle <= -np.log(CLOSE))) | (gaps >= np.log(WIDE_GAP))
    rows, columns = np.nonzero(apart)
    return rows, columns + 1


@cache
def _most_expected(largest: int) -> Array:
    """Return for each number of images up to `largest` the logarithm of how many may be expected for them to be a burst."""
    sizes = np.arange(1, largest + 1)
    # The probability of at least n images where m are expected is that of a gamma variable of shape n to be at most m.
    return np.asarray(np.log(np.minimum(WRONG_SHARE * sizes, poisson_means(sizes, EXPECTED))))


def _slope(k: int) -> float:
    """Return the mean difference of the log expected number between the k-th neighbour and the nearer half."""
    return float(np.log(k / np.arange(k // 2, k)).mean())


def _spreads(logs: Array, k: int) -> Array:
    """Return N: the same of the logarithm of distances."""
    return np.asarray((logs[:, k - 1 : k] - logs[:, k // 2 - 1 : k - 1]).mean(axis=1))


def _nearest(descriptors: Array, compared: Array, own: Array) -> Array:
    """Return N,K sorted distances to the nearest of M,D others; `own` is N: which of them is the image itself, or -1."""
    most = min(NEIGHBOURS[-1], int(SHARE * (len(compared) - 1)))
    if len(compared) < FEWEST:
        return np.empty((len(descriptors), 0))
    found = np.empty((len(descriptors), most))
    squares = (compared**2).sum(axis=1)
    for start in range(0, len(descriptors), ROWS_AT_ONCE):
        rows, selves = descriptors[start : start + ROWS_AT_ONCE], own[start : start + ROWS_AT_ONCE]
        distances = (rows**2).sum(axis=1)[:, None] + squares - 2 * (rows @ compared.T)
        distances[np.flatnonzero(selves >= 0), selves[selves >= 0]] = np.inf
        nearest = np.partition(distances, most - 1, axis=1)[:, :most]
        nearest.sort(axis=1)
        found[start : start + ROWS_AT_ONCE] = np.sqrt(np.maximum(nearest, NO_DISTANCE**2))
    return found


def near_pairs(first: Array, first_radii: Array, second: Array, second_radii: Array) -> Array:
    """Return P,2 positions of descriptors, N,D and M,D, within each other's radii; for one set with itself each pair once."""
    pairs = [np.empty((0, 2), np.int64)]
    told, others = np.flatnonzero(first_radii >= 0), np.flatnonzero(second_radii >= 0)
    # |a - b|^2 <= r^2 in one product: 2 a.b - |b|^2 >= |a|^2 - r^2.
    left = np.column_stack([2 * first[told], np.ones(len(told), np.float32)])
    right = np.column_stack([second[others], -(second[others] ** 2).sum(axis=1)])
    least = ((first[told] ** 2).sum(axis=1) - (first_radii[told] + SLACK) ** 2).astype(np.float32)
    for start in range(0, len(told), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        for begin in range(start if first is second else 0, len(others), COLUMNS_AT_ONCE):
            near = left[rows] @ right[begin : begin + COLUMNS_AT_ONCE].T >= least[rows, None]
            i, j = np.divmod(np.flatnonzero(near), near.shape[1])
            i, j = told[i + start], others[j + begin]
            distances = np.linalg.norm(first[i] - second[j], axis=1)
            kept = distances <= np.minimum(first_radii[i], second_radii[j])
            if first is second:
                kept &= i < j
            pairs.append(np.column_stack([i[kept], j[kept]]))
    return np.concatenate(pairs)


def find_repeats(prints: Fingerprints, *, near: bool = True) -> Array:
    """Return N numbers, equal for images that repeat each other: the position of one image of their group.

    Args:
        prints: of the images.
        near: whether near copies count, or pixel-equal images only.

    >>> random = np.random.default_rng(0)
    >>> scenes = random.normal(size=(30, 48)).astype(np.float32)
    >>> shots = np.concatenate([scenes, scenes + random.normal(size=(30, 48)).astype(np.float32) / 100])
    >>> len(np.unique(find_repeats(Fingerprints(np.arange(60), shots))))
    30
    """
    _, first, inverse = np.unique(prints.hashes, return_index=True, return_inverse=True)
    if not near:
        return np.asarray(first[inverse])
    # One of each set of equal images, in the order of the set: equal ones would crowd each other's neighbourhood.
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    positions, equal = first[order], rank[inverse]
    descriptors = prints.descriptors[positions]
    _, radii = Surroundings.of(descriptors)
    pairs = near_pairs(descriptors, radii, descriptors, radii)
    return np.asarray(positions[_around_leaders(len(positions), pairs)][equal])


def _around_leaders(count: int, pairs: Array) -> Array:
    """Return N: the image that each is a copy of, or itself; an image with more copies comes first."""
    copies: dict[int, list[int]] = {}
    for one, other in pairs.tolist():
        copies.setdefault(one, []).append(other)
        copies.setdefault(other, []).append(one)
    leaders = np.arange(count)
    free = np.ones(count, bool)
    for leader in sorted(copies, key=lambda image: (-len(copies[image]), image)):
        if free[leader]:
            taken = [leader, *(image for image in copies[leader] if free[image])]
            leaders[taken], free[taken] = leader, False
    return leaders
