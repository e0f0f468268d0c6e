"""Light, colour and files: what cameras and software do. N,H,W,C in and out."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from sablier.transforms.natural.base import Randoms
from sablier.typing import Array


def brightness(x: Array, randoms: Randoms, unit: float, added: float) -> Array:
    """Make the brightest channel brighter by so much, and the others in proportion."""
    value = x.max(axis=3, keepdims=True)
    brighter = np.minimum(value + np.float32(added), 1)
    return np.asarray(np.where(value > 0, x * brighter / np.maximum(value, 1e-6), brighter))


def contrast(x: Array, randoms: Randoms, unit: float, kept: float) -> Array:
    """Bring all values nearer to the mean of their channel."""
    mean = x.mean(axis=(1, 2), keepdims=True, dtype=np.float64).astype(np.float32)
    return np.asarray(mean + np.float32(kept) * (x - mean))


def saturate(x: Array, randoms: Randoms, unit: float, factor: float, added: float) -> Array:
    """Make colours paler or stronger; of a grey image, its values. Grey pixels of a colour image stay grey."""
    if x.shape[3] == 1:
        return x * np.float32(factor) + np.float32(added)
    value = x.max(axis=3, keepdims=True)
    saturation = 1 - x.min(axis=3, keepdims=True) / np.maximum(value, 1e-6)
    wanted = (saturation * np.float32(factor) + np.float32(added)).clip(0, 1)
    return np.where(saturation > 1e-6, value - (value - x) * wanted / np.maximum(saturation, 1e-6), x)


def pixelate(x: Array, randoms: Randoms, unit: float, share: float) -> Array:
    """Keep so few pixels a side, and enlarge them."""
    size = x.shape[2], x.shape[1]
    small = max(1, int(size[0] * share)), max(1, int(size[1] * share))
    return _by_pillow(x, lambda image: image.resize(small, Image.Resampling.BOX).resize(size, Image.Resampling.BOX))


def jpeg(x: Array, randoms: Randoms, unit: float, quality: int) -> Array:
    """Write and read a JPEG file of that quality."""

    def again(image: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        return Image.open(buffer)

    return _by_pillow(x, again)


def _by_pillow(x: Array, change: Callable[[Image.Image], Image.Image]) -> Array:
    """Return images, of 8 bits, each changed by itself."""
    pixels = np.round(x * 255).astype(np.uint8)
    found = [np.asarray(change(Image.fromarray(image))) for image in (pixels[..., 0] if x.shape[3] == 1 else pixels)]
    return np.stack(found).reshape(x.shape).astype(np.float32) / 255
