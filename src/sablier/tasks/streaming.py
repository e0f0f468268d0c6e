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
    """Return the `most` images with the highest priority among the kept and the new ones.

    Args:
        before: what is kept so far, if anything.
        images: N new images.
        priorities: N numbers; or N,K, of which a later column counts where the earlier ones are equal.
        most: how many to keep.
    """
    top = _highest_first(priorities)[:most]
    # Skipped images are counted elsewhere; here they would grow with the stream.
    new = Kept(replace(images.take(top), skipped=()), priorities[top])
    if before is None:
        return new
    priorities = np.concatenate([before.priorities, new.priorities])
    order = _highest_first(priorities)[:most]
    return Kept(ImageSet.concatenate([before.images, new.images]).take(order), priorities[order])


def _highest_first(priorities: Array) -> Array:
    """Return the positions of N or N,K priorities in descending order; equal ones stay in theirs."""
    columns = np.atleast_2d(-priorities.T)
    return np.lexsort(columns[::-1])
