"""What is kept of a stream of images, in memory that does not grow with it."""

from dataclasses import dataclass, replace

import numpy as np

from sablier.images.imageset import ImageSet
from sablier.typing import Array

MOST_SKIPPED_LISTED = 1000


@dataclass(frozen=True)
class Kept:
    """The images of highest priority so far, highest first."""

    images: ImageSet
    priorities: Array


def kept(before: Kept | None, images: ImageSet, priorities: Array, most: int) -> Kept:
    """Return the `most` images of highest priority among those kept before and the new ones."""
    top = np.argsort(-priorities, kind="stable")[:most]
    # What was skipped is counted elsewhere; kept here too, it would grow with the stream.
    new = Kept(replace(images.take(top), skipped=()), priorities[top])
    if before is None:
        return new
    order = np.argsort(-np.r_[before.priorities, new.priorities], kind="stable")[:most]
    joined = ImageSet.concatenate([before.images, new.images]).take(order)
    return Kept(joined, np.r_[before.priorities, new.priorities][order])
