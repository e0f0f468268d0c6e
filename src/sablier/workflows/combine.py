"""The workflow `combine`: adds and subtracts the mean codes of sets of images, and writes a picture."""

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sablier.errors import ConfigError
from sablier.files import write_whole
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.report.strips import combination_picture
from sablier.tasks.latent.arithmetic import CodedSet, Combination, coded_set, weights_of
from sablier.tasks.latent.arithmetic import combine as combine_sets
from sablier.tasks.latent.mixture import mixture_of
from sablier.workflows.likeness import read_like
from sablier.workflows.outputs import by_suffix, writes
from sablier.workflows.reconstruct import drawing_network


@writes("combine", "add", "subtract", "among", file=by_suffix)
def combine(
    model: str | PathLike[str],
    add: Any,
    subtract: Any = (),
    output: str | PathLike[str] | None = None,
    *,
    among: Any = None,
    on_progress: Callable[[int], None] = lambda count: None,
    **reading: Any,
) -> Combination:
    """Decode a sum of the mean codes of sets of images (latent arithmetic; Larsen et al. 2016).

    Args:
        model: a .sablier file of an autoencoder or a detector.
        add: a list of sources, each anything that `read_images` takes.
        subtract: likewise. Without any, the mean codes are averaged; otherwise there must be one more to add than to
            subtract.
        output: a .png of the terms, the result and the nearest real images; None writes nothing.
        among: a source of real images to search for the nearest ones; None uses the given ones.
        on_progress: called with the number of images encoded so far.
        **reading: options of `read_images`.

    Returns:
        The decoded image, its code, and the nearest images.

    Raises:
        ModelFileError, ImagesError, ConfigError, OutputError: before anything is written.
    """
    added, subtracted = _listed(add), _listed(subtract)
    weights_of(len(added), len(subtracted))  # an early check
    path = None if output is None else Path(output)
    if path is not None and path.suffix.lower() != ".png":
        raise ConfigError(f"expected an output that ends in .png, got {path}.")
    file = ModelFile.load(Path(model))
    network, _ = drawing_network(file)
    others = [] if among is None else [among]
    count = 0

    def encoded(source: Any) -> CodedSet:
        nonlocal count
        found = coded_set(network, file.preprocess, read_like(file, source, **reading), _name(source))
        count += len(found.codes)
        on_progress(count)
        return found

    sets = [encoded(source) for source in (*added, *subtracted, *others)]
    combination = combine_sets(
        network,
        file.preprocess,
        sets[: len(added)],
        sets[len(added) : len(added) + len(subtracted)],
        among=sets[-1] if others else None,
        support=mixture_of(file),
    )
    if path is not None:
        write_whole(path, combination_picture(combination))
    return combination


def _listed(sources: Any) -> Sequence[Any]:
    """Return one source or several as a list."""
    return sources if isinstance(sources, list | tuple) else [sources]


def _name(source: Any) -> str:
    if isinstance(source, ImageSet):
        return source.source
    return f"{len(source)} images" if isinstance(source, np.ndarray) else str(source)
