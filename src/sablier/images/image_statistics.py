"""How images differ from the training images of a model: in size, aspect ratio, colour or brightness.

It is no verdict on single images: it notices, for example, digits that are given to a model of photos, before it scores them.
So only large differences count: sides twice as long or half as long, colour where there was none, or a brightness distribution
farther from the mean than that of any training image.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from sablier.errors import ImagesError
from sablier.images.imageset import ImageSet, LazyPixels
from sablier.images.pixel_rule import PixelRule
from sablier.typing import Array

LEVELS = 16  # of brightness
MOST_SEEN = 32  # an even sample of images to compare
ENOUGH_PIXELS = 128  # along each side of an image that is used
TIMES = 2.0  # longer or shorter than all training images
OTHER_ASPECT = 1.25  # times as wide or as narrow as all training images
FEWEST_LEVELS = 0.1  # of the range, by which brightness may always differ in the mean
FEWEST = 8  # images whose brightness is compared: a single anomalous one is for the model to score


@dataclass(frozen=True)
class ImageStatistics:
    """Statistics of training images; the values are not checked.

    Args: as for `Looks`.
    """

    shortest: int
    longest: int
    narrowest: float
    widest: float
    grey: bool
    colour: bool
    below: list[float]
    apart: float

    def differences(self, images: ImageSet, preprocess: PixelRule, *, brightness: bool = True, aspect: bool = True) -> list[str]:
        """Return how other images, as they were read, differ from these, in words; empty if they do not.

        Args:
            brightness, aspect: whether these matter for the model.
        """
        if not len(images):
            return []
        found = []
        longer = float(np.median(images.sizes.max(axis=1)))
        if not self.shortest / TIMES <= longer <= self.longest * TIMES:
            known = f"{self.shortest}" if self.shortest == self.longest else f"{self.shortest} to {self.longest}"
            found.append(f"{longer:.0f} pixels on the longer side, not {known}")
        if aspect and (other := self.other_aspect(images)):
            found.append(f"{other}, so that margins are added")
        colour = float(np.mean(images.channels == 3))
        if colour > 0.5 and not self.colour:
            found.append("in colour, not grey")
        if colour == 0 and not self.grey:
            found.append("grey, not in colour")
        seen = np.array(list(brightness_of(images, preprocess, MOST_SEEN)) if brightness else [])
        if len(seen) >= FEWEST:
            mean = seen.mean(axis=0)
            if float(np.abs(mean - self.below).mean()) > max(FEWEST_LEVELS, self.apart):
                usual = _mean(np.array(self.below))
                found.append(f"of a brightness of {_mean(mean):.0%} on average, spread otherwise than around {usual:.0%}")
        return found

    def other_aspect(self, images: ImageSet) -> str:
        """Return that most images are much wider or narrower than these, in words; "" if they are not."""
        ratio = float(np.median(aspects_of(images)))
        if self.narrowest / OTHER_ASPECT <= ratio <= self.widest * OTHER_ASPECT:
            return ""
        known = " to ".join(dict.fromkeys(f"{each:.2f}" for each in (self.narrowest, self.widest)))
        return f"of an aspect ratio (width to height) of {ratio:.2f}, not {known}"


def aspects_of(images: ImageSet) -> Array:
    """Return N: the width of each image over its height."""
    return np.asarray(images.sizes[:, 1] / np.maximum(images.sizes[:, 0], 1))


def brightness_of(images: ImageSet, preprocess: PixelRule, most: int) -> Iterator[Array]:
    """Yield, for an even sample of images, the share of pixels at most as bright as each of 16 levels."""
    for index in np.linspace(0, len(images) - 1, min(most, len(images))).astype(int).tolist():
        with suppress(OSError, ImagesError):  # unreadable images are reported when they are used
            pixels = images.pixels
            whole = pixels.decoders[index]((ENOUGH_PIXELS,) * 2) if isinstance(pixels, LazyPixels) else images[index]
            steps = [max(1, length // ENOUGH_PIXELS) for length in whole.shape[:2]]
            values = preprocess.unit_values(np.ascontiguousarray(whole[:: steps[0], :: steps[1]])).mean(axis=2)
            counts = np.bincount((values * LEVELS).astype(int).clip(0, LEVELS - 1).ravel(), minlength=LEVELS)
            yield np.cumsum(counts) / values.size


def _mean(below: Array) -> float:
    """Return about the mean brightness, given the share of pixels at most as bright as each level."""
    return float(1 - below[:-1].sum() / LEVELS - 0.5 / LEVELS)
