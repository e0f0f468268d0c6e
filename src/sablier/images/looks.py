"""`Looks`: statistics of the training images, kept in a model file, to notice images of a different kind."""

from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from sablier.images.image_statistics import FEWEST, LEVELS, ImageStatistics, aspects_of, brightness_of
from sablier.images.imageset import ImageSet
from sablier.images.pixel_rule import PixelRule

MOST_LEARNT = 256  # an even sample of images for the statistics


class Looks(BaseModel, ImageStatistics):
    """Statistics of training images.

    Args:
        shortest, longest: the longer side of the images, in pixels.
        narrowest, widest: the width of the images over their height.
        grey, colour: whether some were grey, and some in colour.
        below: for each of 16 levels of brightness, the mean share of pixels that are at most as bright.
        apart: the largest distance of the brightness of an image from that, as a share of the range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shortest: int = Field(ge=1, le=10**9)
    longest: int = Field(ge=1, le=10**9)
    narrowest: float = Field(ge=1e-9, le=1e9)
    widest: float = Field(ge=1e-9, le=1e9)
    grey: bool
    colour: bool
    below: list[float] = Field(min_length=LEVELS, max_length=LEVELS)
    apart: float = Field(ge=0, le=1)

    @classmethod
    def of(cls, images: ImageSet, preprocess: PixelRule) -> "Looks | None":
        """Return the statistics of images; None if none can be read.

        Args:
            images: as they were read.
            preprocess: defines black and white.
        """
        seen = np.array(list(brightness_of(images, preprocess, MOST_LEARNT)))
        if not len(seen):
            return None
        longer, mean, aspects = images.sizes.max(axis=1), seen.mean(axis=0), aspects_of(images)
        return cls(
            shortest=int(longer.min()),
            longest=int(longer.max()),
            narrowest=float(aspects.min()),
            widest=float(aspects.max()),
            grey=bool((images.channels == 1).any()),
            colour=bool((images.channels == 3).any()),
            below=mean.round(5).tolist(),
            apart=float(np.abs(seen - mean).mean(axis=1).max()) if len(seen) >= FEWEST else 1.0,
        )

    def joined(self, images: ImageSet, preprocess: PixelRule, before: int) -> Self:
        """Return the statistics of these images and of others, as they were read.

        Args:
            before: how many images these statistics are of.
        """
        seen = np.array(list(brightness_of(images, preprocess, MOST_LEARNT)))
        if not len(seen):
            return self
        longer, aspects = images.sizes.max(axis=1), aspects_of(images)
        mean = (before * np.array(self.below) + len(images) * seen.mean(axis=0)) / (before + len(images))
        # The farthest of the earlier images is at most so far from the new mean.
        earlier = self.apart + float(np.abs(mean - self.below).mean())
        return type(self)(
            shortest=min(self.shortest, int(longer.min())),
            longest=max(self.longest, int(longer.max())),
            narrowest=min(self.narrowest, float(aspects.min())),
            widest=max(self.widest, float(aspects.max())),
            grey=self.grey or bool((images.channels == 1).any()),
            colour=self.colour or bool((images.channels == 3).any()),
            below=mean.round(5).tolist(),
            apart=min(1.0, max(earlier, float(np.abs(seen - mean).mean(axis=1).max()))),
        )
