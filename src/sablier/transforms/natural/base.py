"""What natural corruptions share: random numbers for each image, smoothing, shifts and resampling."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch.nn import functional as F

from sablier.typing import Array

Randoms = Sequence[np.random.Generator]


def random_of(image: Array, kind: str, seed: int) -> np.random.Generator:
    """Return the random generator of an image, which depends on its pixels and not on its position in a batch.

    Args:
        image: H,W,C uint8.
        kind: the name of the corruption, each with other numbers.
    """
    digest = hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16, key=f"{kind} {seed}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, "little"))


def drawn(randoms: Randoms, draw: Callable[[np.random.Generator], Any]) -> Array:
    """Return the stacked random values of all images, float32."""
    return np.stack([draw(random) for random in randoms]).astype(np.float32)


def smoothed(x: Array, sigma: float) -> Array:
    """Return N,H,W or N,H,W,C blurred by a Gaussian of `sigma` pixels, with edges extended."""
    return np.asarray(gaussian_filter(x, (0, sigma, sigma, 0)[: x.ndim], mode="nearest"))


def smooth_noise(noise: Array, sigma: float, unit: float) -> Array:
    """Return noise N,H,W smoothed by `sigma` units, as strong as noise with one value per unit.

    Args:
        unit: pixels per pixel of the published size.
    """
    return np.asarray(unit * gaussian_filter(noise, (0, sigma * unit, sigma * unit), mode="reflect"))


def sum_of_shifts(x: Array, down: Array, right: Array, weights: Array) -> Array:
    """Return the weighted sum of copies of N,H,W or N,H,W,C, shifted by whole pixels, with edges extended."""
    height, width = x.shape[1:3]
    reach = int(max(np.abs(down).max(), np.abs(right).max()))
    padded = np.pad(x, ((0, 0), (reach, reach), (reach, reach), (0, 0))[: x.ndim], mode="edge")
    total = np.zeros_like(x)
    for row, column, weight in zip((reach - down).tolist(), (reach - right).tolist(), weights.tolist(), strict=True):
        total += np.float32(weight) * padded[:, row : row + height, column : column + width]
    return total


def trailed(x: Array, degrees: Array, radius: float, sigma: float) -> Array:
    """Return images with a fading trail of 2 radius + 1 pixels (motion blur).

    Args:
        x: N,H,W or N,H,W,C.
        degrees: N integers: the direction of the trail.
        sigma: pixels after which it has faded to 0.6.
    """
    steps = np.arange(2 * max(1, round(radius)) + 1)
    weights = np.exp(-0.5 * (steps / max(sigma, 1e-3)) ** 2)
    found = np.empty_like(x)
    for degree in np.unique(degrees):
        rows = degrees == degree
        down, right = (np.round(steps * part(np.radians(degree))).astype(int) for part in (np.sin, np.cos))
        found[rows] = sum_of_shifts(x[rows], down, right, weights / weights.sum())
    return found


def sampled(x: Array, rows: Array, columns: Array) -> Array:
    """Return N,H,W,C sampled from x at fractional positions, N,H,W, with edges extended."""
    height, width = x.shape[1:3]
    grid = np.stack([2 * columns / (width - 1) - 1, 2 * rows / (height - 1) - 1], axis=-1).astype(np.float32)
    return _sampled(x, torch.from_numpy(grid))


def turned_about_middle(x: Array, matrices: Array, shifts: Array | float = 0.0) -> Array:
    """Return images resampled by a linear map around their centre.

    Args:
        x: N,H,W,C.
        matrices: N,2,2, from an output to a source position, applied to (right, down) in pixels.
        shifts: N,2 pixels to the right and down.
    """
    halves = (np.array([x.shape[2], x.shape[1]]) - 1) / 2  # torch counts from the centre, with 1 at the edge
    theta = np.concatenate(
        [matrices * halves / halves[:, None], np.broadcast_to(shifts / halves, (len(x), 2))[..., None]], axis=2
    )
    size = [len(x), x.shape[3], *x.shape[1:3]]
    return _sampled(x, F.affine_grid(torch.from_numpy(theta.astype(np.float32)), size, align_corners=True))


def enlarged(x: Array, factor: float) -> Array:
    """Return N,H,W,C enlarged by a factor around the centre, or reduced below 1, with edges extended."""
    for axis in (1, 2):
        length = x.shape[axis]
        places = ((np.arange(length) - (length - 1) / 2) / factor + (length - 1) / 2).clip(0, length - 1)
        first = np.minimum(places.astype(int), length - 2)
        share = (places - first).astype(np.float32).reshape(-1, *[1] * (3 - axis))
        x = x.take(first, axis) * (1 - share) + x.take(first + 1, axis) * share
    return x


def _sampled(x: Array, grid: torch.Tensor) -> Array:
    images = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
    return F.grid_sample(images, grid, padding_mode="border", align_corners=True).numpy().transpose(0, 2, 3, 1)


def grey_of(x: Array) -> Array:
    """Return N,H,W: the brightness of pixels."""
    return x[..., 0] if x.shape[3] == 1 else np.asarray(x @ np.array([0.299, 0.587, 0.114], np.float32))
