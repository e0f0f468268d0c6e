"""Images sheared, rotated, scaled, shifted and stretched. N,H,W,C in and out, with edges extended."""

import numpy as np

from sablier.transforms.natural.base import Randoms, drawn, enlarged, sampled, smooth_noise, turned_about_middle
from sablier.transforms.natural.kinds import kind
from sablier.typing import Array


@kind("slanted", grey=(0.2, 0.4, 0.6, 0.8, 1.0))
def shear(x: Array, randoms: Randoms, unit: float, radians: float) -> Array:
    """Shear the image to the left or to the right by that angle, which also makes it taller."""
    angle = radians * _signs(randoms, 1)[:, 0]
    one, none = np.ones_like(angle), np.zeros_like(angle)
    return turned_about_middle(x, _matrices([[one, -np.sin(angle)], [none, np.cos(angle)]]))


@kind("turned", grey=(0.2, 0.4, 0.6, 0.8, 1.0))
def rotate(x: Array, randoms: Randoms, unit: float, radians: float) -> Array:
    """Rotate the image either way by that angle."""
    angle = radians * _signs(randoms, 1)[:, 0]
    return turned_about_middle(x, _matrices([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]))


@kind("smaller", grey=(0.9, 0.8, 0.7, 0.6, 0.5))
def scale(x: Array, randoms: Randoms, unit: float, factor: float) -> Array:
    """Scale the image by this factor."""
    return enlarged(x, factor)


@kind("shifted", grey=(1, 2, 3, 4, 5))
def translate(x: Array, randoms: Randoms, unit: float, pixels: float) -> Array:
    """Shift the image by so many pixels to the left or the right, and up or down."""
    return turned_about_middle(x, np.broadcast_to(np.eye(2), (len(x), 2, 2)), pixels * unit * _signs(randoms, 2))


@kind(
    "stretched as on rubber",
    grey=((0, 0, 2.24), (1.4, 5.6, 1.96), (2.24, 1.68, 1.68), (2.8, 1.12, 1.4), (2.8, 0.84, 0.84)),
    colour=((0, 0, 2.56), (1.6, 6.4, 2.24), (2.56, 1.92, 1.92), (3.2, 1.28, 1.6), (3.2, 0.96, 0.96)),
)
def elastic(x: Array, randoms: Randoms, unit: float, strength: float, smoothness: float, pulled: float) -> Array:
    """Stretch the image elastically: three corners of a square are moved, then every place a little.

    Args:
        strength: of the displacement noise, in pixels; smoothness: its smoothing.
        pulled: the largest move of a corner, in pixels.
    """
    count, height, width = x.shape[:3]
    middle, side = np.array([height // 2, width // 2]), min(height, width) // 3
    corners = middle + side * np.array([[1, 1], [1, -1], [-1, -1]])
    goals = corners + pulled * unit * drawn(randoms, lambda random: random.uniform(-1, 1, (3, 2)))
    ends = np.concatenate([goals, np.ones((count, 3, 1))], axis=2)
    back = np.linalg.solve(ends, np.broadcast_to(corners.astype(float), (count, 3, 2)))  # N,3,2: from targets to corners
    places = np.stack([*np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), np.ones((height, width))], axis=-1)
    came = np.einsum("hwk,nkc->nhwc", places, back)
    if strength:
        noise = drawn(randoms, lambda random: random.uniform(-1, 1, (2, height, width)))
        came += np.stack([strength * unit * smooth_noise(noise[:, axis], smoothness, unit) for axis in (0, 1)], axis=-1)
    return sampled(x, came[..., 0], came[..., 1])


def _signs(randoms: Randoms, count: int) -> Array:
    return drawn(randoms, lambda random: 2 * random.integers(2, size=count) - 1)


def _matrices(rows: list[list[Array]]) -> Array:
    """Return N,2,2 of two rows of two entries, N each."""
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
