"""Snow, frost, fog, and drops on the lens. N,H,W,C in and out."""

from functools import lru_cache

import numpy as np

from sablier.transforms.natural.base import (
    Randoms,
    drawn,
    enlarged,
    grey_of,
    smooth_noise,
    smoothed,
    trailed,
)
from sablier.transforms.natural.kinds import kind
from sablier.typing import Array

TEXTURE = 256  # pixels a side of the ice texture, which is periodic
ICE = (0.86, 0.95, 1.0)
WATER, MUD, GREY_MUD = (175 / 255, 238 / 255, 238 / 255), (63 / 255, 42 / 255, 20 / 255), (63 / 255,)
COVERED = 0.8  # of a smoothed drop of mud: lower values are no drop


@kind(
    "falling snow",
    grey=(
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    ),
    colour=(
        (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
        (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
        (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
        (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
        (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
    ),
)
def snow(
    x: Array, randoms: Randoms, unit: float,
    mean: float, spread: float, zoom: float, least: float, radius: float, sigma: float, kept: float,
) -> Array:  # fmt: skip
    """Whiten the image and add snowflakes.

    Args:
        mean, spread: of the noise whose peaks are flakes; least: the value of a peak.
        zoom: size of a flake in pixels.
        radius, sigma: of their trails.
        kept: share of the image that is not whitened.
    """
    noise = mean + spread * drawn(randoms, lambda random: random.standard_normal((*x.shape[1:3], 1), np.float32))
    flakes = enlarged(noise, max(1.0, zoom * unit))[..., 0]
    flakes = np.where(flakes < least, 0, flakes).clip(0, 1)
    degrees = np.array([random.integers(45, 136) for random in randoms])
    flakes = trailed(flakes, degrees, radius * unit, sigma * unit)
    white = np.maximum(x, grey_of(x)[..., None] * 1.5 + 0.5)
    return np.asarray(kept * x + (1 - kept) * white + (flakes + flakes[:, ::-1, ::-1])[..., None])


@kind(
    "ice on the lens, drawn here",
    grey=((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)),
    colour=((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
)
def frost(x: Array, randoms: Randoms, unit: float, kept: float, ice: float) -> Array:
    """Overlay a piece of a synthetic texture of ice crystals; the published ones are from photos."""
    height, width = x.shape[1:3]
    texture = ice_texture() if x.shape[3] == 3 else ice_texture().mean(axis=2, keepdims=True)
    down, right = drawn(randoms, lambda random: random.integers(TEXTURE, size=2)).astype(int).T
    rows, columns = ((np.arange(length) / unit).astype(int) for length in (height, width))
    pieces = texture[(down[:, None] + rows)[:, :, None] % TEXTURE, (right[:, None] + columns)[:, None] % TEXTURE]
    return np.asarray(kept * x + ice * pieces)


@kind(
    "a cloud in front",
    grey=((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
    colour=((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
)
def fog(x: Array, randoms: Randoms, unit: float, amount: float, decay: float) -> Array:
    """Add fog, and darken both so that nothing is brighter than before."""
    brightest = x.max(axis=(1, 2, 3), keepdims=True)
    cloud = plasma(randoms, max(x.shape[1:3]), decay)[:, : x.shape[1], : x.shape[2], None]
    return np.asarray((x + amount * cloud) * brightest / (brightest + amount))


@kind(
    "drops of water or of mud on the lens",
    grey=(
        (0.65, 0.3, 4, 0.69, 0.6, 1),
        (0.65, 0.3, 3, 0.68, 0.6, 1),
        (0.65, 0.3, 2, 0.68, 0.5, 1),
        (0.65, 0.3, 1, 0.65, 1.5, 1),
        (0.67, 0.4, 1, 0.65, 1.5, 1),
    ),
    colour=(
        (0.62, 0.1, 0.7, 0.7, 0.5, 0),
        (0.65, 0.1, 0.8, 0.7, 0.5, 0),
        (0.65, 0.3, 1, 0.69, 0.5, 0),
        (0.65, 0.1, 0.7, 0.69, 0.6, 1),
        (0.65, 0.1, 0.5, 0.68, 0.6, 1),
    ),
)
def spatter(
    x: Array, randoms: Randoms, unit: float,
    mean: float, spread: float, size: float, least: float, strength: float, mud: int,
) -> Array:  # fmt: skip
    """Add drops on the lens: of water, which brightens, or of mud, which covers.

    Args:
        mean, spread: of the noise whose peaks are drops; size: its smoothing; least: the value of a peak.
        strength: the brightness of water, or the smoothing of a drop of mud.
    """
    noise = spread * drawn(randoms, lambda random: random.standard_normal(x.shape[1:3], np.float32))
    height = mean + smooth_noise(noise, size, unit) - least
    drops = (height > 0).astype(np.float32)
    if not mud:  # on colour images alone
        # Light comes from the upper left: the near rim of a drop is bright.
        slope = height - np.roll(height, (-1, -1), axis=(1, 2))
        shine = 0.6 + 0.4 * np.sign(slope)
        return x + np.float32(strength) * (smoothed(drops, 0.5 * unit) * shine)[..., None] * np.array(WATER, np.float32)
    cover = smoothed(drops, strength * unit)
    cover = np.where(cover < COVERED, 0, cover)[..., None]
    return np.asarray(x * (1 - cover) + cover * np.array(MUD if x.shape[3] == 3 else GREY_MUD, np.float32))


def plasma(randoms: Randoms, side: int, decay: float) -> Array:
    """Return plasma noise for each image, N,S,S in [0, 1], with S the next power of two, by the diamond-square algorithm.

    Args:
        decay: from one scale to half of it, the amplitude is divided by the square of this; larger is smoother.
    """
    size = 1 << max(1, side - 1).bit_length()
    hills = drawn(randoms, lambda random: random.uniform(-1, 1, (size, size)))
    heights, step, strength = np.zeros_like(hills), size, 1.0
    while step >= 2:
        half = step // 2
        corners = heights[:, ::step, ::step]
        beside = corners + np.roll(corners, -1, axis=1)
        middles = (beside + np.roll(beside, -1, axis=2)) / 4 + strength * hills[:, half::step, half::step]
        heights[:, half::step, half::step] = middles
        above = middles + np.roll(middles, 1, axis=1) + corners + np.roll(corners, -1, axis=2)
        heights[:, ::step, half::step] = above / 4 + strength * hills[:, ::step, half::step]
        left = middles + np.roll(middles, 1, axis=2) + corners + np.roll(corners, -1, axis=1)
        heights[:, half::step, ::step] = left / 4 + strength * hills[:, half::step, ::step]
        step, strength = half, strength / decay**2
    heights -= heights.min(axis=(1, 2), keepdims=True)
    return np.asarray(heights / heights.max(axis=(1, 2), keepdims=True))


@lru_cache(1)
def ice_texture() -> Array:
    """Return S,S,3 in [0, 1]: needles of ice in six directions on a cloudy ground, the same at every call."""
    random = np.random.default_rng(0)
    ground = plasma([random], TEXTURE, 1.5)[0]
    needles = np.zeros((TEXTURE, TEXTURE))
    for length, count in ((40, 260), (20, 700), (9, 1600)):
        starts, angles = random.integers(TEXTURE, size=(2, count)), random.integers(6, size=count) * np.pi / 3
        angles = angles + random.normal(0, 0.12, count)
        along = np.arange(length)[:, None]
        rows, columns = (
            np.round(start + along * part(angles)).astype(int) % TEXTURE
            for start, part in zip(starts, (np.sin, np.cos), strict=True)
        )
        np.maximum.at(needles, (rows, columns), random.uniform(0.4, 1, count) * (1 - along / length) ** 0.5)
    needles = np.maximum(needles, 1.5 * smoothed(needles[None], 0.8)[0]).clip(0, 1)
    bright = (1.2 * ground - 0.3).clip(0, 0.6) + 0.55 * needles
    return np.asarray(bright.clip(0, 1)[..., None] * np.array(ICE), np.float32)
