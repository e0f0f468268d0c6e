"""CIFAR binary batches: records of a label (CIFAR-100: coarse, then fine) and 3 x 32 x 32 bytes, one colour after another.

Source: https://www.cs.toronto.edu/~kriz/cifar.html (Krizhevsky, 2009), "Binary version". Class names come from
batches.meta.txt or fine_label_names.txt beside the batches, if they exist.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from sablier.errors import ImagesError
from sablier.images.formats import Format, Options, add_format
from sablier.images.formats.base import readable
from sablier.images.imageset import ImageSet
from sablier.typing import Array

PIXELS = 3 * 32 * 32
NAME_FILES = {1: "batches.meta.txt", 2: "fine_label_names.txt"}  # by the number of label bytes of a record


def stream_cifar(path: Path, options: Options, chunk: int | None) -> Iterator[ImageSet]:
    """Yield the images of one binary batch; ids are positions, labels are class names, or else numbers.

    Raises:
        ImagesError: if the file has an incomplete record, or a label that is no class.
    """
    yield from _stream_file(path, chunk, prefix="")


def stream_cifar_folder(path: Path, options: Options, chunk: int | None) -> Iterator[ImageSet]:
    """Yield the images of every batch of a folder, sorted by name; ids are batch/position."""
    files = sorted(file for file in path.glob("*.bin") if not file.name.startswith("."))
    if not files:
        raise ImagesError(f"{path}: expected images or CIFAR batches (*.bin) at its top, found neither.")
    sets = (images for file in files for images in _stream_file(file, chunk, prefix=f"{file.stem}/"))
    if chunk is None:
        yield replace(ImageSet.concatenate(list(sets)), source=str(path))
    else:
        yield from sets


add_format(Format("CIFAR batch", lambda name: name.endswith(".bin"), lambda head: False, stream_cifar, frozenset()))


def _stream_file(path: Path, chunk: int | None, prefix: str) -> Iterator[ImageSet]:
    with readable(path, "a CIFAR binary batch"):
        label_bytes = _label_bytes(path)
        record = label_bytes + PIXELS
        names = _class_names(path.with_name(NAME_FILES[label_bytes]))
        count = path.stat().st_size // record
        step = count if chunk is None else chunk
        with open(path, "rb") as stream:
            for start in range(0, count, step):
                wanted = min(step, count - start)
                block = np.fromfile(stream, np.uint8, wanted * record)
                if len(block) < wanted * record:
                    raise ImagesError(f"{path}: expected {count} images, but the file ends before. It is truncated.")
                block = block.reshape(wanted, record)
                pixels = np.ascontiguousarray(block[:, label_bytes:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
                yield ImageSet(
                    pixels,
                    ids=np.array([f"{prefix}{start + i}" for i in range(wanted)]),
                    labels=_labels(path, block[:, label_bytes - 1], names, start),
                    attributes={"coarse_label": block[:, 0].astype(str)} if label_bytes == 2 else {},
                    source=str(path),
                )


def _label_bytes(path: Path) -> int:
    size = path.stat().st_size
    for label_bytes in NAME_FILES:
        if size and size % (label_bytes + PIXELS) == 0:
            return label_bytes
    raise ImagesError(f"{path}: expected CIFAR records of 3073 bytes (or 3074, CIFAR-100), got {size} bytes, not a multiple.")


def _class_names(path: Path) -> Array | None:
    if not path.is_file():
        return None
    return np.array([line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()])


def _labels(path: Path, numbers: Array, names: Array | None, start: int) -> Array:
    classes = len(names) if names is not None else 10 if path.stat().st_size % (1 + PIXELS) == 0 else 100
    wrong = np.flatnonzero(numbers >= classes)
    if len(wrong):
        at = f"record {start + wrong[0]}"
        raise ImagesError(f"{path}: expected labels from 0 to {classes - 1}, got {numbers[wrong[0]]} in {at}. Not a CIFAR batch.")
    return numbers.astype(str) if names is None else names[numbers]
