"""Photos of a bar, for tests of detectors of photos."""

import numpy as np

from sablier.images.imageset import ImageSet

SIDE = 96


def bars(count: int, *, upright: bool, seed: int = 0, shape: tuple[int, int] = (SIDE, SIDE)) -> ImageSet:
    """Photos of a bar with a bright end; it lies anyhow unless it is `upright`."""
    random = np.random.default_rng(seed)
    down, across = np.mgrid[: shape[0], : shape[1]]
    pixels = random.normal(90, 4, (count, *shape))
    for number in range(count):
        middle = np.array(shape) / 2 + random.uniform(-8, 8, 2)
        angle = 0.0 if upright else random.uniform(0, 2 * np.pi)
        along = (down - middle[0]) * np.cos(angle) + (across - middle[1]) * np.sin(angle)
        beside = (across - middle[1]) * np.cos(angle) - (down - middle[0]) * np.sin(angle)
        bar = (abs(along) < 28) & (abs(beside) < 7)
        pixels[number] += 60 * bar + 60 * (bar & (along > 16))
    return ImageSet(pixels.clip(0, 255).astype(np.uint8)[..., None])
