"""The statistics of the closed-form member as its definition says them, an image at a time, with Pillow, SciPy and NumPy."""

import numpy as np
from PIL import Image
from scipy.ndimage import correlate1d, gaussian_filter1d

from sablier.tasks.detection.closed_form import (
    CELLS,
    DIRECTIONS,
    EVENNESS,
    IDENTICAL,
    SMALLEST_DISTANCE,
    ClosedForm,
    Neighbourhood,
)


def plain_statistics(fitted: ClosedForm, image: np.ndarray) -> list[float]:
    """Return the three statistics of an H,W,C image in [0, 1]."""
    side = 32 / max(image.shape[:2])
    size = tuple(max(1, round(length * min(1.0, side))) for length in image.shape[1::-1])
    planes = [np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BOX)) for plane in image.transpose(2, 0, 1)]
    gradients = oriented(np.array(planes)).ravel()
    pixels = np.stack(planes, axis=2).ravel()
    return [plain_distance(fitted.gradients, gradients, 10), plain_distance(fitted.gradients, gradients, 40),
            plain_distance(fitted.pixels, pixels, 20)]  # fmt: skip


def oriented(planes: np.ndarray) -> np.ndarray:
    """Return directions,C,rows,columns of C,H,W."""
    cell = max(1, round(max(planes.shape[1:]) / CELLS))
    smooth = [gaussian_filter1d(planes, cell / 4, axis=axis, mode="nearest") for axis in (1, 2)]
    down, right = (
        correlate1d(
            gaussian_filter1d(smooth[1 - across], cell / 4, axis=1 + across, mode="nearest"),
            [-0.5, 0, 0.5],
            1 + across,
            mode="nearest",
        )
        for across in (0, 1)
    )
    found = []
    for number in range(DIRECTIONS):
        angle = 2 * np.pi * number / DIRECTIONS
        facing = np.maximum(np.cos(angle) * right + np.sin(angle) * down, 0)
        pooled = gaussian_filter1d(
            gaussian_filter1d(facing, cell / 2, axis=1, mode="constant"), cell / 2, axis=2, mode="constant"
        )
        first = [min(cell // 2, length // 2) for length in planes.shape[1:]]
        found.append(np.cbrt(pooled[:, first[0] :: cell, first[1] :: cell]))
    return np.array(found)


def plain_distance(space: Neighbourhood, features: np.ndarray, count: int) -> float:
    """Return the logarithm of the mean squared distance to the best mixture of so many neighbours."""
    mean, components, kept = (np.asarray(value, np.float64) for value in (space.mean, space.components, space.kept))
    centred = features.astype(np.float64) - mean
    inside = components @ centred
    apart = ((kept - inside) ** 2).sum(axis=1)
    order = np.argsort(apart, kind="stable")
    first = int(apart[order[0]] <= IDENTICAL * (inside**2).sum())  # the image itself
    near = kept[order[first : first + count]]
    offsets = near - inside
    products = offsets @ offsets.T
    variance = ((near - near.mean(axis=0)) ** 2).sum() / len(near)
    ridge = EVENNESS * variance + 1e-9 * np.trace(products) + 1e-12
    weights = np.linalg.solve(products + ridge * np.eye(len(near)), np.ones(len(near)))
    weights /= weights.sum()
    distance = ((weights @ offsets) ** 2).sum() + max(0.0, (centred**2).sum() - (inside**2).sum())
    return float(np.log(distance / len(features) + SMALLEST_DISTANCE))
