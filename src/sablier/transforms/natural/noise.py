"""Noise of low light and of faulty sensors. N,H,W,C in and out."""

import numpy as np

from sablier.transforms.natural.base import Randoms, drawn
from sablier.transforms.natural.kinds import kind
from sablier.typing import Array


@kind("noise of the same strength everywhere", grey=(0.08, 0.12, 0.18, 0.26, 0.38), colour=(0.04, 0.06, 0.08, 0.09, 0.10))
def gaussian_noise(x: Array, randoms: Randoms, unit: float, sigma: float) -> Array:
    """Add Gaussian noise of standard deviation `sigma`."""
    return x + np.float32(sigma) * drawn(randoms, lambda random: random.standard_normal(x.shape[1:], np.float32))


@kind("few photons, counted", grey=(60, 25, 12, 5, 3), colour=(500, 250, 100, 75, 50))
def shot_noise(x: Array, randoms: Randoms, unit: float, photons: float) -> Array:
    """Poisson noise with this number of photons at white."""
    counts = [random.poisson(image * photons) for image, random in zip(x, randoms, strict=True)]
    return np.stack(counts).astype(np.float32) / np.float32(photons)


@kind("values that are black or white", grey=(0.03, 0.06, 0.09, 0.17, 0.27), colour=(0.01, 0.02, 0.03, 0.05, 0.07))
def impulse_noise(x: Array, randoms: Randoms, unit: float, share: float) -> Array:
    """Set a share of all values to black or white."""
    chance = drawn(randoms, lambda random: random.random(x.shape[1:], np.float32))
    return np.where(chance < share, (chance < share / 2).astype(np.float32), x)


@kind("noise that grows with the light", grey=(0.15, 0.2, 0.35, 0.45, 0.6), colour=(0.06, 0.1, 0.12, 0.16, 0.2))
def speckle_noise(x: Array, randoms: Randoms, unit: float, sigma: float) -> Array:
    """Add Gaussian noise in proportion to brightness: `sigma` at white."""
    return x + x * np.float32(sigma) * drawn(randoms, lambda random: random.standard_normal(x.shape[1:], np.float32))
