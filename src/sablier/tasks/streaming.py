"""What is kept of a stream of images, in memory that does not grow with it."""

from dataclasses import dataclass, replace

import numpy as np

from sablier.images.imageset import ImageSet
from sablier.typing import Array

MOST_SKIPPED_LISTED = 1000


@dataclass(frozen=True)
class Kept:
    """The images with the highest priority so far, highest first."""

    images: ImageSet
    priorities: Array


def kept(before: Kept | None, images: ImageSet, priorities: Array, most: int) -> Kept:
    """Return the `most` images with the highest priority among the kept and the new ones."""
    top = np.argsort(-priorities, kind="stable")[:most]
    # Skipped images are counted elsewhere; here they would grow with the stream.
    new = Kept(replace(images.take(top), skipped=()), priorities[top])
    if before is None:
        return new
    order = np.argsort(-np.r_[before.priorities, new.priorities], kind="stable")[:most]
    joined = ImageSet.concatenate([before.images, new.images]).take(order)
    return Kept(joined, np.r_[before.priorities, new.priorities][order])
