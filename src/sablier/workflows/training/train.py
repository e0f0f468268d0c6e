"""The workflow `train`: trains what the recipe makes, calibrates it if it detects, and lists images that may not belong."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from glob import escape
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sablier.backbones import BackboneFile
from sablier.errors import ConfigError, OutputError
from sablier.files import write_text, write_whole
from sablier.files.cells import csv_text
from sablier.files.kinds import FILTERED, MODEL, PNG, check_replaces
from sablier.images.grouping import with_groups
from sablier.images.ignored import read_ignored
from sablier.images.imageset import ImageSet
from sablier.images.mvtec import training_source
from sablier.images.sources import read_images
from sablier.modelfile import ModelFile
from sablier.recipes.config import Recipe
from sablier.recipes.make import make_recipe
from sablier.training.progress import Progress
from sablier.typing import Array
from sablier.workflows.groups import groups_paths, write_groups
from sablier.workflows.outputs import writes
from sablier.workflows.training.autoencoder import train_autoencoder
from sablier.workflows.training.classifier import train_classifier
from sablier.workflows.training.codec import train_codec
from sablier.workflows.training.denoiser import train_denoiser
from sablier.workflows.training.detector import train_detector
from sablier.workflows.training.forecast import OnProgress, unheard
from sablier.workflows.training.generator import train_generator

READING = "reading the images"
MOST_PICTURED = 48  # of the filtered images, the highest-scoring

MAKERS: dict[str, Callable[..., ModelFile]] = {
    "detect": train_detector,
    "reconstruct": train_autoencoder,
    "denoise": train_denoiser,
    "generate": train_generator,
    "compress": train_codec,
    "classify": train_classifier,
}


@writes("train", "source", file=MODEL)
def train(
    source: Any,
    output: str | PathLike[str],
    recipe: Recipe | None = None,
    *,
    resume: bool = False,
    groups: str | None = None,
    backbone: str | PathLike[str] | None = None,
    ignore: str | PathLike[str] | None = None,
    roi: str | PathLike[str] | None = None,
    on_progress: OnProgress = unheard,
    **reading: Any,
) -> ModelFile:
    """Train what the recipe makes on the images of a source, and write a .sablier file.

    Args:
        source: anything that `read_images` takes, a folder of good images for a detector.
        output: the .sablier file. Beside it, a detector lists filtered training images (.filtered.csv and .png) and groups
            (.groups.csv and .png), and a generator draws samples (.samples.png).
        recipe: what to make, from `make_recipe`; None: a detector.
        resume: continue from the checkpoints beside the output.
        groups: a rule for groups of dependent images, which no split divides, such as "folder" (`sablier train --groups`).
        backbone: for a detector, a trusted .pt2 or .onnx file, run as its feature network in place of the recipe's members.
        ignore, roi: for a detector, a mask of the size of the images: what is not black is left out, or alone judged.
        on_progress: called with the stage and its progress.
        **reading: options of `read_images`.

    Returns:
        The model file.

    Raises:
        BackboneError: if the backbone cannot be loaded, or does not return feature maps of these images.
        ImagesError: if the source or a mask cannot be read or used. TooFewImages: if there are too few images.
        OutputError: if the file cannot be written. Interrupted: on Ctrl-C; the checkpoints are kept.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> import sablier
        >>> with TemporaryDirectory() as folder:
        ...     print(sablier.train("digits[label=3]", f"{folder}/three.sablier", sablier.make_recipe(tier="tiny")).task)
        detect
    """
    output, recipe = Path(output), recipe or make_recipe()
    own = _checked_options(output, recipe, backbone, read_ignored(ignore, roi))
    checkpoints = [output.with_name(f"{output.name}.network-{index}.resume") for index in range(recipe.most_trainings())]
    start = time.perf_counter()
    on_progress(READING, Progress(0, 1))
    images = with_groups(read_images(training_source(source), **reading), groups)
    if not resume:
        _remove(output)
    file = MAKERS[recipe.task](images, recipe, checkpoints=checkpoints, on_progress=on_progress, **own)
    file = replace(file, provenance=file.provenance.model_copy(update={"seconds": time.perf_counter() - start}))
    file.save(output)
    _remove(output)
    _write_filtered(file, images, output)
    return file


def _checked_options(output: Path, recipe: Recipe, backbone: str | PathLike[str] | None, ignored: Array | None) -> dict[str, Any]:
    """Return what the maker of a task takes besides, after what can be checked before images are read."""
    check_writable(output)
    for path, kind in zip(filtered_paths(output), (FILTERED, PNG), strict=True):
        check_replaces(path, kind)
    if recipe.task != "detect":
        for what, given in {"a backbone": backbone, "a mask": ignored}.items():
            if given is not None:
                raise ConfigError(f"expected a recipe of a detector for {what}, got {recipe.name!r}, made to {recipe.task}.")
        return {"picture": samples_path(output)} if recipe.task == "generate" else {}
    named = None if backbone is None else BackboneFile.read(backbone)
    if named is not None:
        named.load()
    return {"on_groups": partial(write_groups, places=groups_paths(output)), "backbone": named, "ignored": ignored}


def filtered_paths(output: Path) -> tuple[Path, Path]:
    """Return the paths of the list and the picture of training images that may not belong.

    >>> [path.name for path in filtered_paths(Path("part.sablier"))]
    ['part.filtered.csv', 'part.filtered.png']
    """
    stem = output.name.removesuffix(".sablier")
    return output.with_name(f"{stem}.filtered.csv"), output.with_name(f"{stem}.filtered.png")


def samples_path(output: Path) -> Path:
    """Return the path of the sheet of samples that a generator updates during training.

    >>> samples_path(Path("g.sablier")).name
    'g.samples.png'
    """
    return output.with_name(f"{output.name.removesuffix('.sablier')}.samples.png")


def _write_filtered(file: ModelFile, images: ImageSet, output: Path) -> None:
    """List and draw training images that may not belong; without any, remove the list of an earlier run."""
    table, picture = filtered_paths(output)
    filtered = file.provenance.filtered
    if not filtered:
        for path in (table, picture):
            path.unlink(missing_ok=True)
        return
    # Plotting is imported only when needed.
    from sablier.report.figures import sheet

    positions = {str(name): index for index, name in enumerate(images.ids)}
    rows = ((name, f"{score:.4f}", positions[name]) for name, score in filtered)
    write_text(table, csv_text([("id", "score", "position"), *rows]))
    worst = filtered[:MOST_PICTURED]
    pixels = images.take(np.array([positions[name] for name, _ in worst])).dense(file.preprocess).array
    captions = [f"{name}\nscore {score:.1f}" for name, score in worst]
    write_whole(picture, sheet(file.preprocess.to_unit(pixels), captions))


def _remove(output: Path) -> None:
    """Remove the checkpoints of `output`, also those of earlier runs with more folds."""
    for path in output.parent.glob(f"{escape(output.name)}.network-*.resume"):
        path.unlink(missing_ok=True)


def check_writable(output: Path) -> None:
    """Raise OutputError before training if `output` cannot be written."""
    if output.is_dir():
        raise OutputError(f"{output} is a folder. Name a file, for example -o {output / 'model.sablier'}.")
    probe = output.with_name(f".{output.name}.probe")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(f"{output} cannot be written: {error.strerror}. Choose another place with -o.") from error
