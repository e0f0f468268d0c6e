"""Noise, as of little light or of faulty sensors. N,H,W,C in and out."""

import numpy as np

from sablier.transforms.natural.base import Randoms, drawn
from sablier.typing import Array


def gaussian_noise(x: Array, randoms: Randoms, unit: float, sigma: float) -> Array:
    """Add Gaussian noise of standard deviation `sigma`."""
    return x + np.float32(sigma) * drawn(randoms, lambda random: random.standard_normal(x.shape[1:], np.float32))


def shot_noise(x: Array, randoms: Randoms, unit: float, photons: float) -> Array:
    """Count photons, so many at white."""
    counts = [random.poisson(image * photons) for image, random in zip(x, randoms, strict=True)]
    return np.stack(counts).astype(np.float32) / np.float32(photons)


def impulse_noise(x: Array, randoms: Randoms, unit: float, share: float) -> Array:
    """Set a share of all values to black or white."""
    chance = drawn(randoms, lambda random: random.random(x.shape[1:], np.float32))
    return np.where(chance < share, (chance < share / 2).astype(np.float32), x)


def speckle_noise(x: Array, randoms: Randoms, unit: float, sigma: float) -> Array:
    """Add Gaussian noise that is stronger where it is bright: `sigma` at white."""
    return x + x * np.float32(sigma) * drawn(randoms, lambda random: random.standard_normal(x.shape[1:], np.float32))
