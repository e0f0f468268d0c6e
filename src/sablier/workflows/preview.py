"""The workflow `preview`: a sheet of an even sample of images."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from sablier.errors import ImagesWarning
from sablier.files import write_whole
from sablier.files.kinds import PNG
from sablier.images.fingerprints import fingerprints
from sablier.images.grouping import counted_groups, with_groups, with_repeats
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.images.sources import read_images
from sablier.report.figures import sheet
from sablier.workflows.groups import groups_paths, write_groups
from sablier.workflows.outputs import writes

SIDE = 96


@writes("preview", "source", file=PNG)
def preview(
    source: Any, output: Path, count: int, *, groups: str | None = None, **reading: Any
) -> tuple[ImageSet, dict[str, str]]:
    """Write a PNG sheet of `count` images; return them, and facts about the source by name.

    If images repeat each other, or `groups` (as `parse_groups` reads it) joins some, their groups are listed and drawn in
    NAME.groups.csv and NAME.groups.png beside the sheet.
    """
    images = with_groups(read_images(source, **reading), groups)
    chosen = images.take(np.linspace(0, len(images) - 1, min(count, len(images))).astype(int))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImagesWarning)  # the loss of detail does not matter on a sheet of thumbnails
        preprocess = Preprocess.for_images(chosen, SIDE)
    dense = chosen.dense(preprocess)
    captions = dense.labels if dense.labels is not None else dense.ids
    write_whole(output, sheet(preprocess.to_unit(dense.array), [str(caption) for caption in captions]))
    sizes, counts = np.unique(images.sizes, axis=0, return_counts=True)
    order = np.argsort(-counts)[:5]
    small = _recognizable(images)
    paths = groups_paths(output)
    several = write_groups(small, Preprocess.for_images(small, SIDE), paths)
    facts = {
        "images": counted_groups(small),
        **({"groups": f"listed in {paths[0]}, the largest drawn in {paths[1]}"} if several else {}),
        "sizes": ", ".join(f"{sizes[i][0]} x {sizes[i][1]} ({counts[i]:,})" for i in order) + (", ..." if len(sizes) > 5 else ""),
        "channels": ", ".join(map(str, np.unique(images.channels))),
        "unreadable": str(len(small.skipped)),
    }
    if images.labels is not None:
        names, sums = np.unique(images.labels, return_counts=True)
        facts["labels"] = ", ".join(f"{name} ({total:,})" for name, total in zip(names[:20], sums[:20], strict=True))
    return dense, facts


def _recognizable(images: ImageSet) -> ImageSet:
    """Return images at the size of a sheet, with their groups, to find repeats."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImagesWarning)
        preprocess = Preprocess.for_images(images, SIDE)
    dense = images.dense(preprocess)
    return with_repeats(dense, fingerprints(dense, preprocess))
