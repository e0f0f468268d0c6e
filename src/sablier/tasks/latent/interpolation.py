"""Interpolation between the codes of two images, and how evenly the decoded picture changes."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sablier.errors import ConfigError, ImagesError
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.tasks.latent.reconstruct import decode, encode, squared_errors
from sablier.tasks.latent.support import LEAVES, SupportTest
from sablier.typing import Array

CURVES = ("linear", "spherical")
MOST_PICTURES = 1000
SMALLEST_ANGLE = 1e-4  # radians: below it an arc equals its chord, and between opposite codes no arc is the shortest


@dataclass(frozen=True)
class Interpolation:
    """N pictures decoded between two images.

    Args:
        ids: the names of the two images.
        ends: 2,H,W,C pixels in [0, 1] of the two images as the model takes them.
        images: N,H,W,C decoded pictures; the first and the last are the reconstructions of the two images.
        codes: N,latent.
        steps: N-1 root mean squared pixel changes from each picture to the next.
        curve: "linear" or "spherical".
        p_values: N: the share of held-out codes that are no more likely; None if unknown.
    """

    ids: tuple[str, str]
    ends: Array
    images: Array
    codes: Array
    steps: Array
    curve: str
    p_values: Array | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def unevenness(self) -> float | None:
        """The largest step over the mean step: 1 for an even change; None if nothing changes."""
        return float(self.steps.max() / self.steps.mean()) if self.steps.any() else None

    @property
    def leaves_data(self) -> Array | None:
        """N booleans: whether a code is where hardly any image is; None if unknown."""
        return None if self.p_values is None else self.p_values <= LEAVES

    def to_table(self) -> list[dict[str, Any]]:
        """Return one row per picture: its position on the way, the change from the one before, the p-value of its code."""
        shares = np.linspace(0, 1, len(self)).tolist()
        steps = [None, *self.steps.tolist()]
        values = [None] * len(self) if self.p_values is None else self.p_values.tolist()
        return [
            {"share": share, "step": step, "p_value": p_value} for share, step, p_value in zip(shares, steps, values, strict=True)
        ]

    def to_json(self) -> dict[str, Any]:
        """Return everything except the pictures and the codes."""
        return {
            "from": self.ids[0],
            "to": self.ids[1],
            "curve": self.curve,
            "mean_step": float(self.steps.mean()),
            "largest_step": float(self.steps.max()),
            "unevenness": self.unevenness,
            "pictures": self.to_table(),
        }


def interpolation(
    model: Model,
    preprocess: Preprocess,
    ends: ImageSet,
    count: int = 10,
    curve: str = "linear",
    *,
    centre: Array | None = None,
    support: SupportTest | None = None,
) -> Interpolation:
    """Encode two dense images, interpolate between their codes, and decode `count` pictures, both ends included.

    Args:
        curve: "linear" or "spherical".
        centre: latent: of the sphere; None: the origin.
        support: a test whether a code is among those of images.

    Raises:
        ImagesError: for another number of images than two.
        ConfigError: for another curve, or a count below 2 or above 1,000.
    """
    if len(ends) != 2:
        raise ImagesError(f"expected two images to interpolate between, got {len(ends)}.")
    start, end = encode(model, preprocess, ends)
    codes = codes_between(start, end, count, curve, centre)
    images = decode(model, preprocess, codes)
    return Interpolation(
        ids=(str(ends.ids[0]), str(ends.ids[1])),
        ends=preprocess.to_unit(ends.array),
        images=images,
        codes=codes,
        steps=np.sqrt(squared_errors(images[1:], images[:-1])),
        curve=curve,
        p_values=None if support is None else support.p_values(codes),
    )


def codes_between(start: Array, end: Array, count: int, curve: str = "linear", centre: Array | None = None) -> Array:
    """Return `count` codes from one to another, both included, count,latent float32.

    A straight line comes nearer to the mean of the codes than either end. In many dimensions, hardly any code of a Gaussian
    is there. The arc around `centre` (White 2016) keeps the distance from it if both ends have the same, and otherwise
    changes it evenly.

    Raises:
        ConfigError: for another curve, or a count below 2 or above 1,000.
        ImagesError: on an arc, for ends opposite each other, since no arc is then the shortest.

    >>> codes_between(np.array([1.0, 0.0]), np.array([0.0, 1.0]), 3).round(3).tolist()
    [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
    >>> np.linalg.norm(codes_between(np.array([1.0, 0.0]), np.array([0.0, 1.0]), 3, "spherical"), axis=1).round(3).tolist()
    [1.0, 1.0, 1.0]
    """
    if curve not in CURVES:
        raise ConfigError(f"expected a curve of {' or '.join(CURVES)}, got {curve!r}.")
    if not 2 <= count <= MOST_PICTURES:
        raise ConfigError(f"expected from 2 to {MOST_PICTURES:,} pictures on the way, both ends among them, got {count}.")
    first, last = (np.asarray(code, np.float64) for code in (start, end))
    share = np.linspace(0, 1, count)[:, None]
    middle = np.zeros_like(first) if centre is None else np.asarray(centre, np.float64)
    weights = (1 - share, share) if curve == "linear" else _arc_weights(first - middle, last - middle, share)
    codes = middle + weights[0] * (first - middle) + weights[1] * (last - middle)
    codes[0], codes[-1] = first, last
    return np.asarray(codes, np.float32)


def _arc_weights(first: Array, last: Array, share: Array) -> tuple[Array, Array]:
    """Return the weights of two codes, relative to the centre, along the arc between their directions."""
    lengths = np.linalg.norm(first) * np.linalg.norm(last)
    angle = float(np.arccos(np.clip(first @ last / lengths, -1, 1))) if lengths else 0.0
    if angle > np.pi - SMALLEST_ANGLE:
        raise ImagesError("these two codes lie opposite each other: no arc between them is the shortest. Interpolate linearly.")
    if angle < SMALLEST_ANGLE:
        return 1 - share, share
    return np.sin((1 - share) * angle) / np.sin(angle), np.sin(share * angle) / np.sin(angle)
