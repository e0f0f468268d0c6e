"""Which images repeat others: pixel-equal ones, and near copies (bursts, frames of a video, recompressed or shifted files).

A near copy is nearer than independent images ever are. How near these come is read off each image's own surroundings: if
its k-th nearest neighbour lies at a distance d and distances spread as in D dimensions (the estimate of Levina and Bickel
2004), then about k * (r / d)^D independent images lie within r. Where that expected number is below 0.003, what lies there
is a copy. The nearest neighbours may be copies themselves, so several k are asked, of which the larger look beyond them:
up to 128 copies of one image are seen through.

Groups are the copies around one image each, the one with the most copies first. A copy of a copy is not followed, so that a
slow video or parts in a fixture do not all become one group.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sablier.images.fingerprints import Fingerprints

Array = NDArray[Any]

# Chosen on training images of MNIST, Fashion-MNIST, CIFAR-10 and the industrial sets; bench/dependence.py measures it.
EXPECTED = 0.003  # independent images within the radius of an image, below which what lies there is a copy
NEIGHBOURS = (8, 16, 32, 64, 128, 256)  # k; the nearer half of them is left out, since it may be copies
MOST_COMPARED = 4000  # images that neighbours are looked for among, drawn at random: sets have an order
ROWS_AT_ONCE, COLUMNS_AT_ONCE = 512, 4096  # whose products stay in the cache
SLACK = 2e-3  # of distances by products of float32, which are computed again where it matters
NO_RADIUS = -1.0  # of an image whose surroundings do not tell: it has no near copies


@dataclass(frozen=True)
class Surroundings:
    """How near independent images come to each other, learnt from a set of them.

    Args:
        compared: M,D descriptors that neighbours are looked for among.
        images: how many images they stand for.
        dimensions: D for each k that the set is large enough for, pooled over its images.
    """

    compared: Array
    images: int
    dimensions: dict[int, float]

    @classmethod
    def of(cls, descriptors: Array) -> tuple["Surroundings", Array]:
        """Return the surroundings that N,D descriptors make for each other, and the radius of each.

        An image within the radii of both is a copy. Below 17 images nothing is told, and radii are negative.
        """
        count = len(descriptors)
        drawn = np.sort(np.random.default_rng(0).permutation(count)[:MOST_COMPARED])
        own = np.full(count, -1)
        own[drawn] = np.arange(len(drawn))
        distances = _nearest(descriptors, descriptors[drawn], own)
        pooled = {k: _slope(k) / max(float(_spreads(distances, k).mean()), 1e-3) for k in _told_by(distances)}
        found = cls(descriptors[drawn], count, pooled)
        return found, found._radii(distances)

    def radii(self, descriptors: Array) -> Array:
        """Return the radius of each of N,D descriptors of other images."""
        return self._radii(_nearest(descriptors, self.compared, np.full(len(descriptors), -1)))

    def _radii(self, distances: Array) -> Array:
        """Return N radii from N,K distances to the nearest, sorted."""
        radii = np.full(len(distances), NO_RADIUS)
        share = self.images / max(len(self.compared), 1)
        for k, pooled in self.dimensions.items():
            # A few distances tell little of one image: of its own estimate and the pooled one the more careful is taken.
            dimension = np.minimum(_slope(k) / np.maximum(_spreads(distances, k), 1e-3), pooled)
            farthest = distances[:, k - 1]
            told = farthest * np.exp(-np.log(k * share / EXPECTED) / dimension)
            radii = np.maximum(radii, np.where(farthest > 0, told, NO_RADIUS))
        return radii


def _told_by(distances: Array) -> list[int]:
    return [k for k in NEIGHBOURS if k <= distances.shape[1]]


def _slope(k: int) -> float:
    """Return by how much the logarithm of the expected number falls on average from the k-th neighbour to the nearer half."""
    return float(np.log(k / np.arange(k // 2, k)).mean())


def _spreads(distances: Array, k: int) -> Array:
    """Return N: the same of the logarithm of distances."""
    nearer = np.maximum(distances[:, k // 2 - 1 : k - 1], 1e-9)
    return np.asarray(np.log(np.maximum(distances[:, k - 1 : k], 1e-9) / nearer).mean(axis=1))


def _nearest(descriptors: Array, compared: Array, own: Array) -> Array:
    """Return N,K sorted distances to the nearest of M,D others, K at most half of them; `own` is N: which of them is oneself."""
    most = min(NEIGHBOURS[-1], (len(compared) - 1) // 2)
    if most < NEIGHBOURS[0]:
        return np.empty((len(descriptors), 0))
    found = np.empty((len(descriptors), most))
    squares = (compared**2).sum(axis=1)
    for start in range(0, len(descriptors), ROWS_AT_ONCE):
        rows, selves = descriptors[start : start + ROWS_AT_ONCE], own[start : start + ROWS_AT_ONCE]
        distances = (rows**2).sum(axis=1)[:, None] + squares - 2 * (rows @ compared.T)
        distances[np.flatnonzero(selves >= 0), selves[selves >= 0]] = np.inf
        nearest = np.partition(distances, most - 1, axis=1)[:, :most]
        nearest.sort(axis=1)
        found[start : start + ROWS_AT_ONCE] = np.sqrt(np.maximum(nearest, 0))
    return found


def near_pairs(first: Array, first_radii: Array, second: Array, second_radii: Array) -> Array:
    """Return P,2 positions of descriptors, N,D and M,D, that are within each other's radii; of one set with itself each once."""
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
    # One of each set of equal images, in the order of the set: equal ones would crowd the neighbourhood of each other.
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    positions, equal = first[order], rank[inverse]
    descriptors = prints.descriptors[positions]
    _, radii = Surroundings.of(descriptors)
    pairs = near_pairs(descriptors, radii, descriptors, radii)
    return np.asarray(positions[_around_leaders(len(positions), pairs)][equal])


def _around_leaders(count: int, pairs: Array) -> Array:
    """Return N: each image, or the one with more copies that it is taken to be a copy of."""
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
