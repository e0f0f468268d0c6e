"""Reads images for a model and compares them with its training images.

Every workflow that takes a model and images reads them here, so that the warning is the same, and `--strict` makes it an
error.
"""

import warnings
from collections.abc import Iterator
from itertools import chain
from typing import Any, Protocol

from sablier.errors import ImagesError, ImagesWarning
from sablier.images.image_statistics import ImageStatistics
from sablier.images.imageset import ImageSet
from sablier.images.pixel_rule import PixelRule
from sablier.images.sources import read_images, stream_images

ANY_SIZE = ("denoise", "compress")  # tasks that take images of any size: results on far larger ones are unreliable
NO_BRIGHTNESS = ("denoise",)  # noise alone changes it


class LearntModel(Protocol):
    """A model file or an exported detector, with statistics of its training images; None if it has none."""

    @property
    def task(self) -> str: ...
    @property
    def preprocess(self) -> PixelRule: ...
    @property
    def looks(self) -> ImageStatistics | None: ...


def read_like(model: LearntModel, source: Any, *, trains: bool = False, **reading: Any) -> ImageSet:
    """Return a whole source, as `read_images` does.

    Args:
        trains: whether the images will train the model, which must not learn the margins of another aspect ratio.

    Raises:
        ImagesError: as there; with `strict` if the images do not resemble the training images; and if images that will train
            the model have another aspect ratio.

    Warns:
        ImagesWarning: if they do not, without `strict`.
    """
    images = read_images(source, **reading)
    if trains:
        _check_aspect(model, images)
    check_likeness(model, images, strict=bool(reading.get("strict")))
    return images


def stream_like(model: LearntModel, source: Any, *, chunk: int = 1024, **reading: Any) -> Iterator[ImageSet]:
    """Return a source in chunks, as `stream_images` does; the first chunk is compared at once.

    Raises, Warns: as `read_like`.
    """
    stream = stream_images(source, chunk=chunk, **reading)
    first = next(stream)  # here, so that an unreadable source is an error before anything is done
    check_likeness(model, first, strict=bool(reading.get("strict")))
    return chain([first], stream)


def check_likeness(model: LearntModel, images: ImageSet, *, strict: bool = False) -> None:
    """Warn if images do not resemble the training images of a model.

    Raises, Warns: as `read_like`.
    """
    line = unlikeness_words(model, images)
    if not line:
        return
    if strict:
        raise ImagesError(f"{line} Train a model on such images, or leave --strict out.")
    warnings.warn(f"{line} What it makes of them means little. --strict refuses such images.", ImagesWarning, stacklevel=3)


def unlikeness_words(model: LearntModel, images: ImageSet) -> str:
    """Return how images do not resemble the training images of a model, in a sentence; "" if they do."""
    looks, rule = model.looks, model.preprocess
    if looks is None:
        return ""
    if rule.resize == "exact" and model.task not in ANY_SIZE and (images.sizes != (rule.height, rule.width)).any():
        return ""  # it takes images of one size only, and its own message says so
    found = looks.differences(images, rule, brightness=model.task not in NO_BRIGHTNESS, aspect=model.task not in ANY_SIZE)
    return f"these images do not resemble the images that the model was trained on: they are {'; '.join(found)}." if found else ""


def _check_aspect(model: LearntModel, images: ImageSet) -> None:
    looks = model.looks
    other = looks.other_aspect(images) if looks is not None and model.preprocess.resize == "fit" and len(images) else ""
    if other:
        raise ImagesError(
            f"expected images like those that trained the model, got images from {images.source} that are {other}. Crop them to "
            "that aspect ratio, or train a model on them."
        )
