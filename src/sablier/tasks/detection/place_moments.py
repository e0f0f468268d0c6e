"""First and second moments of the features at the places of images: what the means and the covariance of places come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from sablier.part_fit import check_fit
from sablier.typing import Array

SMALLEST = 1e-12
# Cells of places, each with a mean of its own: at most so many a side, and so many numbers in all, for the size of model files.
MOST_CELLS, MOST_NUMBERS = 64, 280_000

Grid = tuple[int, int]


@dataclass(frozen=True)
class PlaceMoments:
    """Sums over images, as a model file keeps them: those of more images can be added, and the images are not needed again.

    Places are joined to at most 64 x 64 cells. A cell of several places has their mean.

    Args:
        count: how many images were summed.
        grid: the height and width of the grid of places.
        totals: h,w,D float64, the sum over images of the features of each cell; float32 in earlier files.
        products: D,D float64, the sum over images and places of their outer products.

    >>> features = np.random.default_rng(0).normal(size=(9, 3, 4, 5))
    >>> moments = PlaceMoments.of(9, features.sum(axis=0), np.einsum("nhwd,nhwe->de", features, features))
    >>> moments.means.shape, moments.covariance.shape, moments.joined(moments).count
    ((3, 4, 5), (5, 5), 18)
    """

    count: int
    grid: Grid
    totals: Array
    products: Array

    @classmethod
    def of(cls, count: int, totals: Array, products: Array) -> Self:
        """Return the moments of so many images, given the sum of the features at each place, and of their outer products."""
        grid = totals.shape[:2]
        down, across = (_starts(length, cells) for length, cells in zip(grid, _cells(grid, totals.shape[2]), strict=True))
        summed = np.add.reduceat(np.add.reduceat(totals, down, axis=0), across, axis=1)
        sizes = np.multiply.outer(np.diff([*down, grid[0]]), np.diff([*across, grid[1]]))
        return cls(count, grid, summed / sizes[..., None], products)

    def joined(self, more: Self) -> Self:
        """Return the moments of these images and of others.

        Raises:
            ModelFileError: if the others have another grid, or another number of features.
        """
        sides = (*self.grid, len(self.products)), (*more.grid, len(more.products))
        for what, own, other in zip(("rows", "columns", "features"), *sides, strict=True):
            check_fit(f"{what} of places", own, other)
        return type(self)(self.count + more.count, self.grid, self.totals + more.totals, self.products + more.products)

    @cached_property
    def means(self) -> Array:
        """h,w,D float32: the expected features of each cell; 1,1,D if cells do not differ.

        The mean of a cell is shrunk to that of all places, as far as the means differ by chance (after James and Stein 1961):
        fully if parts lie in any position, hardly if they lie alike.
        """
        own, everywhere, trust = self._shrinkage()
        if not trust:
            return np.asarray(everywhere[None, None], np.float32)
        return np.asarray((trust * own + (1 - trust) * everywhere).reshape(self.totals.shape), np.float32)

    @cached_property
    def covariance(self) -> Array:
        """D,D float64: the covariance of all places around the shrunk means of their cells."""
        own, everywhere, trust = self._shrinkage()
        differing = own - everywhere
        scatter = self.products - self.count * (self._sizes[:, None] * own).T @ own
        # Around other means than their own, places scatter more, by the distance of the means.
        scatter += self.count * (1 - trust) ** 2 * (self._sizes[:, None] * differing).T @ differing
        return np.asarray(scatter / (self.count * self._sizes.sum()))

    @property
    def mean_square(self) -> float:
        """The mean square of all features."""
        return float(np.trace(self.products)) / (self.count * float(self._sizes.sum()) * len(self.products))

    @cached_property
    def _sizes(self) -> Array:
        """C float64: how many places each cell has."""
        down, across = (
            np.diff([*_starts(length, cells), length]) for length, cells in zip(self.grid, self.totals.shape[:2], strict=True)
        )
        return np.multiply.outer(down, across).ravel().astype(np.float64)

    def _shrinkage(self) -> tuple[Array, Array, float]:
        """Return C,D means of cells, D means of all places, and how far the former are trusted, from 0 to 1."""
        own = self.totals.reshape(-1, self.totals.shape[2]).astype(np.float64) / self.count
        places = float(self._sizes.sum())
        everywhere = self._sizes @ own / places
        between = float(self._sizes @ np.square(own - everywhere).sum(axis=1)) / places
        scatter = float(np.trace(self.products)) - self.count * float(self._sizes @ np.square(own).sum(axis=1))
        by_chance = scatter / ((self.count - 1) * places) / self.count
        trust = min(1.0, max(0.0, 1 - by_chance / between)) if between > SMALLEST else 0.0
        return own, everywhere, trust

    def tensors(self) -> dict[str, Array]:
        """Return the arrays that a model file keeps: of the products, the lower triangle."""
        return {"totals": self.totals, "products": self.products[np.tril_indices(len(self.products))]}

    @classmethod
    def from_tensors(cls, count: int, grid: Grid, tensors: Mapping[str, Array]) -> Self:
        """Return what `tensors` kept.

        Raises:
            ModelFileError: if the sums are not those of such a grid, or of so many features.
        """
        totals = tensors["totals"].astype(np.float64)
        size = totals.shape[2]
        for what, expected, came in zip(("rows", "columns"), _cells(grid, size), totals.shape, strict=False):
            check_fit(f"{what} of cells", came, expected)
        rows, columns = np.tril_indices(size)
        check_fit("products of features", len(tensors["products"]), len(rows))
        products = np.empty((size, size))
        products[rows, columns] = products[columns, rows] = tensors["products"]
        return cls(count, grid, totals, products)


def _cells(grid: Grid, size: int) -> Grid:
    """Return how many rows and columns of cells places of so many features are joined to.

    >>> _cells((32, 32), 88), _cells((80, 80), 88), _cells((375, 500), 88), _cells((40, 40), 304)
    ((32, 32), (56, 56), (48, 64), (30, 30))
    """
    scale = min(1.0, MOST_CELLS / max(grid), (MOST_NUMBERS / (grid[0] * grid[1] * size)) ** 0.5)
    return max(1, int(grid[0] * scale)), max(1, int(grid[1] * scale))


def _starts(length: int, cells: int) -> Array:
    """Return the first place of each of so many cells along an axis."""
    return np.arange(cells) * length // cells
