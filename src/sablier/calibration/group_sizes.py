"""The groups of calibration images: how many images are in that of each, and which one stands for it."""

import numpy as np

from sablier.errors import ImagesError
from sablier.typing import Array


def checked_sizes(sizes: tuple[Array, ...], orders: list[Array]) -> tuple[Array, ...]:
    """Return the sizes of groups in the order of the sorted scores, checked.

    Raises:
        ImagesError: if they are not those of whole groups.
    """
    arrays = [np.asarray(of_fold, np.int64) for of_fold in sizes]
    fitting = len(arrays) == len(orders) and all(map(lambda a, o: a.shape == o.shape, arrays, orders))
    if not fitting or any(of_fold.min() < 1 or _remainders(of_fold).any() for of_fold in arrays):
        raise ImagesError("expected for each calibration score how many images its group has, in whole groups, got other sizes.")
    return tuple(of_fold[order] for of_fold, order in zip(arrays, orders, strict=True))


def checked_choice(chosen: tuple[Array, ...], sizes: tuple[Array, ...] | None, orders: list[Array]) -> tuple[Array, ...]:
    """Return which images stand for their groups, in the order of the sorted scores, checked.

    Raises:
        ImagesError: if there is not one for each group.
    """
    arrays = [np.asarray(of_fold, bool) for of_fold in chosen]
    fitting = sizes is not None and len(arrays) == len(orders) and all(map(lambda a, o: a.shape == o.shape, arrays, orders))
    if sizes is None or not fitting or sum(int(of_fold.sum()) for of_fold in arrays) != number_of_groups(sizes):
        raise ImagesError("expected one calibration image that stands for each group, got another number of them.")
    return tuple(of_fold[order] for of_fold, order in zip(arrays, orders, strict=True))


def number_of_groups(sizes: tuple[Array, ...]) -> int:
    """Return the number of groups, from the size of the group of each image of each fold."""
    return sum(round(float((1 / of_fold).sum())) for of_fold in sizes)


def _remainders(sizes: Array) -> Array:
    different, counts = np.unique(sizes, return_counts=True)
    return np.asarray(counts % different)
