"""What the verbs share that compute with codes and write one picture."""

from typing import Any

from sablier.errors import ImagesError
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.images.sources import read_images


def first_image(source: Any, preprocess: Preprocess, **reading: Any) -> ImageSet:
    """Return the first image of a source, dense.

    Raises:
        ImagesError: where there is none, where it cannot be read, or where `preprocess` does not accept it.
    """
    images = read_images(source, **reading)
    dense = images.take(range(min(1, len(images)))).dense(preprocess)
    if not len(dense):
        reasons = "; ".join(f"{item.id}: {item.reason}" for item in dense.skipped[-1:])
        raise ImagesError(f"expected a readable image to begin with in {source}, got none. {reasons}".rstrip())
    return dense
