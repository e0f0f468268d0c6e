"""preview = read, choose evenly, draw a sheet."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from sablier.errors import ImagesWarning
from sablier.files import write_whole
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.images.sources import read_images
from sablier.report.figures import sheet

SIDE = 96


def preview(source: Any, output: Path, count: int, **reading: Any) -> tuple[ImageSet, dict[str, str]]:
    """Write a PNG sheet of `count` images; return them, and facts about the source by name."""
    images = read_images(source, **reading)
    chosen = images.take(np.linspace(0, len(images) - 1, min(count, len(images))).astype(int))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImagesWarning)  # detail is lost on a sheet of thumbnails, and nobody minds
        preprocess = Preprocess.for_images(chosen, SIDE)
    dense = chosen.dense(preprocess)
    captions = dense.labels if dense.labels is not None else dense.ids
    write_whole(output, sheet(preprocess.to_unit(dense.array), [str(caption) for caption in captions]))
    sizes, counts = np.unique(images.sizes, axis=0, return_counts=True)
    order = np.argsort(-counts)[:5]
    facts = {
        "images": f"{len(images):,}",
        "sizes": ", ".join(f"{sizes[i][0]} x {sizes[i][1]} ({counts[i]:,})" for i in order) + (", ..." if len(sizes) > 5 else ""),
        "channels": ", ".join(map(str, np.unique(images.channels))),
        "unreadable": str(len(dense.skipped)),
    }
    if images.labels is not None:
        names, sums = np.unique(images.labels, return_counts=True)
        facts["labels"] = ", ".join(f"{name} ({total:,})" for name, total in zip(names[:20], sums[:20], strict=True))
    return dense, facts
