"""Fingerprints of images: a hash of the pixels, and a descriptor that copies share.

The descriptor is the square roots of amplitudes in the Fourier transform of a thumbnail, lowest frequencies first, scaled to
norm 1. Amplitudes do not change with shifts, nor does the norm with brightness; noise and compression act on higher
frequencies. So a copy is near its original, and two independent images are not.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from sablier.images.blocks import means_of_blocks
from sablier.images.chunks import at_once
from sablier.images.imageset import ImageSet
from sablier.images.pixel_rule import PixelRule
from sablier.typing import Array

THUMBNAIL = 32  # pixels of the longer side, about
NUMBERS = 48  # of a descriptor at most; with the hash and the use of an image fewer than 64 bytes
FEWEST_NUMBERS = 8  # images of a few pixels have fewer frequencies, too few to find near copies
COLOUR_NUMBERS = 5  # of these, for each of two colour differences
HIGHEST = 8  # frequency, in waves per image
FLAT = 0.3  # norm below which a spectrum is rounding noise: descriptors of flat images are not scaled
AT_ONCE = 64  # images whose thumbnails are made at once, or fewer large ones


@dataclass(frozen=True)
class Fingerprints:
    """Fingerprints of N images.

    Args:
        hashes: N uint64, equal if all pixels are.
        descriptors: N,D float32, D at most 48; copies are much nearer to each other than independent images.
    """

    hashes: Array
    descriptors: Array

    def __len__(self) -> int:
        return len(self.hashes)

    def take(self, chosen: Array) -> "Fingerprints":
        """Return the fingerprints at some positions, or where a mask is true."""
        return Fingerprints(self.hashes[chosen], self.descriptors[chosen])

    @staticmethod
    def joined(first: "Fingerprints", second: "Fingerprints") -> "Fingerprints":
        """Return the fingerprints of two sets as those of one; an empty first one may have descriptors of another size."""
        if not len(first):
            return second
        pairs = ((first.hashes, second.hashes), (first.descriptors, second.descriptors))
        return Fingerprints(*map(np.concatenate, pairs))


def fingerprints(images: ImageSet, preprocess: PixelRule) -> Fingerprints:
    """Return the fingerprints of dense images.

    Args:
        images: a uniform set, as `preprocess` makes it; fingerprints of one image at different sizes differ.

    >>> images = ImageSet(np.random.default_rng(0).integers(0, 255, (3, 28, 28)).astype(np.uint8))
    >>> prints = fingerprints(images, PixelRule(height=28, width=28, channels=1))
    >>> prints.hashes.shape, prints.descriptors.shape
    ((3,), (3, 48))
    """
    return Fingerprints(_hashes(images.array), _descriptors(images.array, preprocess))


def _hashes(pixels: Array) -> Array:
    digests = (hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=8).digest() for image in pixels)
    return np.frombuffer(b"".join(digests), "<u8")


def _descriptors(pixels: Array, preprocess: PixelRule) -> Array:
    thumbnails = _thumbnails(pixels, preprocess)
    grey = thumbnails.mean(axis=3)
    grey -= grey.mean(axis=(1, 2), keepdims=True)
    coloured = pixels.shape[3] == 3
    parts = [_amplitudes(grey, NUMBERS - 2 * COLOUR_NUMBERS * coloured, mean=False)]
    if coloured:
        red, green, blue = np.moveaxis(thumbnails, 3, 0)
        parts += [_amplitudes(difference, COLOUR_NUMBERS, mean=True) for difference in (red - green, blue - green)]
    roots = np.sqrt(np.concatenate(parts, axis=1))
    if roots.shape[1] < FEWEST_NUMBERS:
        roots = np.zeros((len(pixels), 1))
    return np.asarray(roots / np.maximum(np.linalg.norm(roots, axis=1, keepdims=True), FLAT), np.float32)


def _thumbnails(pixels: Array, preprocess: PixelRule) -> Array:
    """Return N,h,w,C float32 in [0, 1]: means over blocks of pixels; incomplete blocks at the far edges are cut off."""
    count, height, width, channels = pixels.shape
    side = min(max(1, max(height, width) // THUMBNAIL), height, width)
    rows, columns = height // side, width // side
    found = np.empty((count, rows, columns, channels), np.float32)
    step = at_once(AT_ONCE, height * width)
    for start in range(0, count, step):
        found[start : start + step] = means_of_blocks(preprocess.to_unit(pixels[start : start + step]), side)
    return found


def _amplitudes(planes: Array, count: int, mean: bool) -> Array:
    """Return N,K amplitudes of the lowest frequencies of N,h,w planes, K at most `count`; the mean of a plane only if asked."""
    height, width = planes.shape[1:]
    tall, wide = min(HIGHEST, height // 2), min(HIGHEST, width // 2)
    # Opposite frequencies have the same amplitude; one of the two is used.
    half = [(down, across) for across in range(wide + 1) for down in range(-tall, tall + 1) if across > 0 or down > 0]
    half.sort(key=lambda pair: (pair[0] ** 2 + pair[1] ** 2, pair))
    taken = ([(0, 0)] if mean else []) + half
    downs, acrosses = np.array(taken[:count], int).reshape(-1, 2).T
    waves_down = np.exp(-2j * np.pi * np.arange(-tall, tall + 1)[:, None] * np.arange(height) / height).astype(np.complex64)
    waves_across = np.exp(-2j * np.pi * np.arange(width)[:, None] * np.arange(wide + 1) / width).astype(np.complex64)
    spectrum = np.abs(waves_down @ planes @ waves_across)
    return np.asarray(spectrum[:, downs + tall, acrosses])
