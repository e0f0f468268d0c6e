"""Other compressors, measured in bytes of real files: image formats, and general compressors."""

import bz2
import gzip
import io
import lzma
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from PIL import Image, features

from sablier.typing import Array

Rates = list[tuple[float, float]]  # mean bytes an image and mean squared error of pixels in [0, 1]

MOST_NUMBERS, MOST_TRAINING = 128, 20_000  # of PCA
STEPS = (1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)  # qualities of the image formats


def lossy_formats() -> list[str]:
    """Return the lossy formats that this build of Pillow writes: JPEG, and WebP, AVIF and JPEG XL if available."""
    known = {"WebP": "webp", "AVIF": "avif", "JXL": "jpegxl"}
    return ["JPEG", *(name for name, feature in known.items() if feature in features.get_supported())]


def lossy_rates(images: Sequence[Array], qualities: Iterable[int] = STEPS) -> dict[str, Rates]:
    """Return bytes and errors of a file for each of H,W,C uint8 images, by format, at each quality."""
    return {name: [_rate(images, name, quality) for quality in qualities] for name in lossy_formats()}


def lossless_bytes(images: Sequence[Array]) -> dict[str, float]:
    """Return mean bytes per image: as single PNG or WebP files, and with all pixels through gzip, bz2 and lzma."""
    raw = b"".join(image.tobytes() for image in images)
    whole = {
        "gzip, all in a row": gzip.compress(raw, 9),
        "bz2, all in a row": bz2.compress(raw, 9),
        "lzma, all in a row": lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME),
    }
    found = {name: len(data) / len(images) for name, data in whole.items()}
    files: dict[str, dict[str, Any]] = {"PNG": {"optimize": True}}
    if "webp" in features.get_supported():
        files["WebP"] = {"lossless": True, "quality": 100, "method": 6}
    each = {name: [len(as_file(image, name, **options)) for image in images] for name, options in files.items()}
    return found | {f"{name}, a file each": float(np.mean(sizes)) for name, sizes in each.items()}


def pca_rates(training: Array, images: Array, most: int = MOST_NUMBERS) -> Rates:
    """Return bytes and errors of PCA with 1, 2, 3 ... numbers per image, each rounded to 256 steps over its training range.

    Args:
        training: N,H,W,C uint8 to fit PCA to; images: M,H,W,C uint8.
    """
    from sklearn.decomposition import PCA

    flat, x = (array.reshape(len(array), -1) / np.float32(255) for array in (training[:MOST_TRAINING], images))
    fitted = PCA(min(most, *flat.shape), svd_solver="randomized", random_state=0).fit(flat)
    codes = fitted.transform(flat)
    low, step = codes.min(axis=0), np.maximum(np.ptp(codes, axis=0), 1e-9) / 255
    rounded = np.round((fitted.transform(x) - low) / step).clip(0, 255) * step + low
    found, drawn = [], np.tile(fitted.mean_, (len(x), 1))
    for number, axis in enumerate(fitted.components_):
        drawn += rounded[:, number : number + 1] * axis
        found.append((number + 1.0, float(np.mean((drawn.clip(0, 1) - x) ** 2))))
    return found


def as_file(image: Array, name: str, **options: Any) -> bytes:
    """Return the bytes of an H,W,C uint8 image in a format of Pillow."""
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(buffer, name, **options)
    return buffer.getvalue()


def _rate(images: Sequence[Array], name: str, quality: int) -> tuple[float, float]:
    files = [as_file(image, name, quality=quality) for image in images]
    errors = []
    for image, data in zip(images, files, strict=True):
        again = np.asarray(Image.open(io.BytesIO(data)).convert("L" if image.shape[2] == 1 else "RGB")).reshape(image.shape)
        errors.append(np.mean((again / 255.0 - image / 255.0) ** 2))
    return float(np.mean([len(data) for data in files])), float(np.mean(errors))
