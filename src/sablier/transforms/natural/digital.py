"""Light, colour and file formats. N,H,W,C in and out."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from sablier.transforms.natural.base import Randoms
from sablier.transforms.natural.kinds import kind
from sablier.typing import Array


@kind("too much light", grey=(0.1, 0.2, 0.3, 0.4, 0.5), colour=(0.05, 0.1, 0.15, 0.2, 0.3))
def brightness(x: Array, randoms: Randoms, unit: float, added: float) -> Array:
    """Brighten the brightest channel by this amount, and the others in proportion."""
    value = x.max(axis=3, keepdims=True)
    brighter = np.minimum(value + np.float32(added), 1)
    return np.asarray(np.where(value > 0, x * brighter / np.maximum(value, 1e-6), brighter))


@kind("little contrast", grey=(0.4, 0.3, 0.2, 0.1, 0.05), colour=(0.75, 0.5, 0.4, 0.3, 0.15))
def contrast(x: Array, randoms: Randoms, unit: float, kept: float) -> Array:
    """Bring all values nearer to the mean of their channel."""
    mean = x.mean(axis=(1, 2), keepdims=True, dtype=np.float64).astype(np.float32)
    return np.asarray(mean + np.float32(kept) * (x - mean))


@kind(
    "paler or stronger colours",
    grey=((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)),
    colour=((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)),
)
def saturate(x: Array, randoms: Randoms, unit: float, factor: float, added: float) -> Array:
    """Make colours paler or stronger; for a grey image, its values. Grey pixels of a colour image stay grey."""
    if x.shape[3] == 1:
        return x * np.float32(factor) + np.float32(added)
    value = x.max(axis=3, keepdims=True)
    saturation = 1 - x.min(axis=3, keepdims=True) / np.maximum(value, 1e-6)
    wanted = (saturation * np.float32(factor) + np.float32(added)).clip(0, 1)
    return np.where(saturation > 1e-6, value - (value - x) * wanted / np.maximum(saturation, 1e-6), x)


@kind("few pixels", grey=(0.6, 0.5, 0.4, 0.3, 0.25), colour=(0.95, 0.9, 0.85, 0.75, 0.65))
def pixelate(x: Array, randoms: Randoms, unit: float, share: float) -> Array:
    """Reduce the image to this share of its pixels a side, and enlarge it."""
    size = x.shape[2], x.shape[1]
    small = max(1, int(size[0] * share)), max(1, int(size[1] * share))
    return _by_pillow(x, lambda image: image.resize(small, Image.Resampling.BOX).resize(size, Image.Resampling.BOX))


@kind("saved as a small JPEG", grey=(25, 18, 15, 10, 7), colour=(80, 65, 58, 50, 40))
def jpeg(x: Array, randoms: Randoms, unit: float, quality: int) -> Array:
    """Write and read a JPEG file of that quality."""

    def again(image: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        return Image.open(buffer)

    return _by_pillow(x, again)


def _by_pillow(x: Array, change: Callable[[Image.Image], Image.Image]) -> Array:
    """Return 8-bit images, each changed on its own."""
    pixels = np.round(x * 255).astype(np.uint8)
    found = [np.asarray(change(Image.fromarray(image))) for image in (pixels[..., 0] if x.shape[3] == 1 else pixels)]
    return np.stack(found).reshape(x.shape).astype(np.float32) / 255
