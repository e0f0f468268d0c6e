"""Pixels in [0, 1] and anomaly maps in units of calibration -> pictures to show.

The colour scale of anomaly maps is fixed: 1 is the mark level at 5 %. Below half of that nothing is drawn, so good
images stay grey, and the same colour means the same in every report.
"""

import base64
import io
from typing import Any

import matplotlib as mpl
import numpy as np
from PIL import Image

from sablier.files.kinds import PNG_COMPRESSION
from sablier.typing import Array

HIGHEST = 3.0  # anomaly score drawn in the brightest colour
FAINTEST = 0.5  # score below which nothing is drawn
SOLID = 2.0  # score from which the colour covers the image
MOST_OPAQUE = 0.9
DIMMED = 0.75  # brightness of the grey image under the map
FULL_DIFFERENCE = 0.3  # between a pixel and its reconstruction, drawn in full colour
TOO_DARK, TOO_BRIGHT = (0, 114, 178), (213, 94, 0)  # blue and orange of Okabe and Ito, on white
SMALL = 64  # pixels a side up to which an image is shown as squares, never smoothed
MOST_PIXELS = 320  # pixels a side of a picture in a report; more would only weigh
JPEG_QUALITY = 88
LAYER_LEVELS = 64  # colours of a transparent anomaly map, each with its opacity
MOST_LAYER_PIXELS = 480  # pixels a side of one; of photos it has half the pixels of the map, which is smooth


def as_rgb(image: Array) -> Array:
    """Return H,W,C pixels in [0, 1] as H,W,3 bytes."""
    rgb = np.broadcast_to(image, (*image.shape[:2], 3))
    return np.round(rgb.clip(0, 1) * 255).astype(np.uint8)


def as_bytes(image: Array) -> Array:
    """Return H,W,C pixels in [0, 1] as H,W,3 bytes, or H,W for grey ones."""
    return as_rgb(image) if image.shape[2] == 3 else as_rgb(image)[..., 0]


def difference(image: Array, reconstruction: Array) -> Array:
    """Return H,W,3 bytes: white where both H,W,C agree, blue where the reconstruction is darker, orange where brighter.

    >>> difference(np.zeros((1, 1, 1)), np.array([[[0.5]]])).tolist()
    [[[213, 94, 0]]]
    """
    return signed_colours((reconstruction - image).mean(axis=2), FULL_DIFFERENCE)


def absolute_difference(image: Array, reconstruction: Array) -> Array:
    """Return H,W,3 bytes: black where both H,W,C agree, and the lighter, the more they differ, up to 0.3.

    >>> absolute_difference(np.zeros((1, 1, 1)), np.array([[[0.5]]])).tolist()
    [[[252, 253, 191]]]
    """
    apart = np.abs(image - reconstruction).mean(axis=2)
    return as_rgb(np.asarray(mpl.colormaps["magma"]((apart / FULL_DIFFERENCE).clip(0, 1)))[..., :3])


def signed_colours(values: Array, full: float) -> Array:
    """Return H,W,3 bytes: white for 0, blue below it and orange above, in full colour at a distance of `full` from it.

    >>> signed_colours(np.array([[-2.0, 0.0]]), full=2).tolist()
    [[[0, 114, 178], [255, 255, 255]]]
    """
    signed = (values[..., None] / full).clip(-1, 1)
    colour = np.where(signed > 0, TOO_BRIGHT, TOO_DARK) / 255
    return as_rgb(1 - np.abs(signed) * (1 - colour))


def amplified(image: Array, changed: Array, full: float) -> Array:
    """Return H,W,3 bytes of what was added to H,W,C pixels, so strong that `full` is as much as can be shown.

    Grey images: blue where darker, orange where brighter, on white. Colour: each channel around the middle of its range.

    >>> amplified(np.zeros((1, 1, 3)), np.full((1, 1, 3), 0.02), full=0.02).tolist()
    [[[255, 255, 255]]]
    """
    if image.shape[2] == 1:
        return signed_colours((changed - image)[..., 0], full)
    return as_rgb(0.5 + (changed - image) / (2 * full))


def anomaly_colours(anomaly_map: Array) -> tuple[Array, Array]:
    """Return the colour of each anomaly score, as RGB in [0, 1], and how opaque it is.

    >>> anomaly_colours(np.array([0.2, 0.5, 1.0, 5.0]))[1].round(2).tolist()
    [0.0, 0.0, 0.3, 0.9]
    """
    anomaly_map = np.nan_to_num(anomaly_map, nan=0.0)
    # The dark end of the map would vanish on a dark image, the palest on a white one.
    colours = mpl.colormaps["inferno"](0.3 + 0.62 * (anomaly_map / HIGHEST).clip(0, 1))[..., :3]
    return np.asarray(colours), MOST_OPAQUE * ((anomaly_map - FAINTEST) / (SOLID - FAINTEST)).clip(0, 1)


def overlay(image: Array, anomaly_map: Array) -> Array:
    """Return H,W,3 bytes: the grey image, with the anomaly map in colour where it is more than a good image's.

    Args:
        image: H,W,C in [0, 1].
        anomaly_map: H,W, where 1 is the mark level at 5 %.
    """
    grey = image.mean(axis=2, keepdims=True).clip(0, 1) * DIMMED
    colours, opacity = anomaly_colours(anomaly_map)
    opacity = opacity[..., None]
    return as_rgb(grey * (1 - opacity) + colours * opacity)


def anomaly_layer(anomaly_map: Array) -> bytes:
    """Return H,W anomaly scores as the bytes of a PNG to lay over the image: in colour, transparent where nothing is drawn.

    It has the pixels of a small map, and fewer than those of a larger one.
    """
    scores = Image.fromarray((anomaly_map / HIGHEST).clip(0, 1).astype(np.float32))
    longer = max(scores.size)
    if longer > SMALL:
        side = min(longer // 2, MOST_LAYER_PIXELS)
        scores = scores.resize([max(1, round(each * side / longer)) for each in scores.size], Image.Resampling.BILINEAR)
    levels = np.round(np.asarray(scores) * (LAYER_LEVELS - 1)).astype(np.uint8)
    colours, opacity = anomaly_colours(np.linspace(0, HIGHEST, LAYER_LEVELS))
    picture = Image.fromarray(levels)
    picture.putpalette(np.round(255 * colours).astype(np.uint8).tobytes())
    alpha = np.round(255 * opacity).astype(np.uint8).tobytes()
    return _encoded(picture, format="PNG", transparency=alpha, optimize=True)


def enlarged(rgb: Array, least: int) -> Array:
    """Return the picture with each pixel repeated until it is at least `least` pixels high."""
    times = -(-least // rgb.shape[0])
    return rgb.repeat(times, axis=0).repeat(times, axis=1)


def png(rgb: Array) -> bytes:
    """Return the picture as the bytes of a PNG file."""
    return _encoded(Image.fromarray(rgb), format="PNG", compress_level=PNG_COMPRESSION)


def mask_png(mask: Array) -> bytes:
    """Return H,W booleans as the bytes of a grey PNG file, white where they are true."""
    return png(np.where(mask, 255, 0).astype(np.uint8))


def jpeg(rgb: Array, quality: int = JPEG_QUALITY) -> bytes:
    """Return the picture as the bytes of a JPEG file."""
    return _encoded(Image.fromarray(rgb), format="JPEG", quality=quality)


def reduced(rgb: Array, most: int) -> Array:
    """Return the picture with at most `most` pixels a side."""
    picture = Image.fromarray(rgb)
    picture.thumbnail((most, most), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def data_uri(rgb: Array) -> str:
    """Return the picture as a data URI: small ones exactly, larger ones as JPEG of at most 320 pixels a side."""
    if max(rgb.shape[:2]) <= SMALL:
        return bytes_uri("png", png(rgb))
    return bytes_uri("jpeg", jpeg(reduced(rgb, MOST_PIXELS)))


def anomaly_key() -> str:
    """Return the colours from 0 to the highest score, on a grey ground, as CSS stops."""
    scores = np.linspace(0, HIGHEST, 13)
    colours, opacity = anomaly_colours(scores)
    mixed = np.round(255 * (0.4 * (1 - opacity[:, None]) + colours * opacity[:, None])).astype(int)
    stops = (f"rgb({r} {g} {b}) {score / HIGHEST:.1%}" for score, (r, g, b) in zip(scores, mixed.tolist(), strict=True))
    return ", ".join(stops)


def _encoded(picture: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, **options)
    return buffer.getvalue()


def bytes_uri(kind: str, data: bytes) -> str:
    """Return the bytes of a picture of a kind, such as "png", as a data URI."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
