"""Images of files that arrived in a folder: decoded one by one, as the model takes them, or lazily, as they came."""

import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np

from sablier.errors import ImagesError
from sablier.images.decoding import Decoder, Entry, image_chunks, read_header
from sablier.images.formats import Options
from sablier.images.imageset import ImageSet
from sablier.images.pixel_rule import PixelRule
from sablier.typing import Array
from sablier.workflows.arrivals import Arrival


@dataclass(frozen=True)
class ArrivedImage:
    """The H,W,C pixels of a file as the model takes them, and its own height and width."""

    arrival: Arrival
    pixels: Array
    size: tuple[int, int]


def decoded(folder: Path, arrivals: Sequence[Arrival], rule: PixelRule) -> list[ArrivedImage | ImagesError]:
    """Return the image of each file, or the error that says why there is none."""

    def one(arrival: Arrival) -> ArrivedImage | ImagesError:
        path = folder / arrival.name
        # Read as a whole: a damaged header cannot make Pillow ask for more than the file holds.
        entry = Entry(arrival.name, None, None, lambda: BytesIO(path.read_bytes()))
        try:
            header = read_header(entry)
            pixels = Decoder(entry, header.orientation)(None if rule.resize == "exact" else (rule.height, rule.width))
            return ArrivedImage(arrival, rule.apply(pixels, arrival.name), (header.height, header.width))
        except ImagesError as error:
            return error

    with warnings.catch_warnings(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        warnings.filterwarnings("ignore", module=r"PIL\.")  # the row has the reason
        return list(pool.map(one, arrivals))


def image_set(images: Sequence[ArrivedImage]) -> ImageSet:
    """Return decoded images as one dense set."""
    return ImageSet(
        np.stack([image.pixels for image in images]),
        ids=np.array([image.arrival.id for image in images]),
        sizes=np.array([image.size for image in images]),
    )


def as_they_came(folder: Path, images: Sequence[ArrivedImage]) -> ImageSet:
    """Return the files of images as a set that is decoded on demand."""
    paths = [folder / image.arrival.name for image in images]
    entries = [Entry(path.name, None, None, partial(_bytes_of, path)) for path in paths]
    return next(image_chunks(entries, None, Options(), str(folder), lambda: ""))


def _bytes_of(path: Path) -> BytesIO:
    return BytesIO(path.read_bytes())
