"""What the workflows that compute with codes and write one picture share."""

from typing import Any

from sablier.errors import ImagesError
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.workflows.likeness import read_like


def first_image(file: ModelFile, source: Any, **reading: Any) -> ImageSet:
    """Return the first image of a source, dense.

    Raises:
        ImagesError: if there is none, it cannot be read, or the model does not take it.
    """
    images = read_like(file, source, **reading)
    dense = images.take(range(min(1, len(images)))).dense(file.preprocess)
    if not len(dense):
        reasons = "; ".join(f"{item.id}: {item.reason}" for item in dense.skipped[-1:])
        raise ImagesError(f"expected a readable image to begin with in {source}, got none. {reasons}".rstrip())
    return dense
