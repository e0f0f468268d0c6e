"""train = read, fit, calibrate where the recipe detects, save; list the images that may not belong."""

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
from sablier.images.imageset import ImageSet
from sablier.images.mvtec import training_source
from sablier.images.sources import read_images
from sablier.modelfile import ModelFile
from sablier.recipes.config import Recipe
from sablier.recipes.make import make_recipe
from sablier.training.progress import Progress
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
MOST_PICTURED = 48  # of the filtered, the worst

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
    on_progress: OnProgress = unheard,
    **reading: Any,
) -> ModelFile:
    """Train what the recipe makes on the images of a source and write it to `output`.

    Args:
        source: whatever `read_images` takes; `reading` are its options.
        output: the .sablier file; checkpoints lie beside it while training runs. Where training images of a detector may not
            belong, they are listed in OUTPUT.filtered.csv, worst first, and the 48 worst drawn in OUTPUT.filtered.png. What a
            generator draws is seen in OUTPUT.samples.png while it learns.
        recipe: the configuration; `make_recipe()` where none is given.
        resume: go on from those checkpoints.
        groups: which images are not independent of each other, as `sablier.images.grouping.parse_groups` reads it; no split
            divides a group. A detector finds images that repeat each other besides: OUTPUT.groups.csv lists the group of each
            image, and OUTPUT.groups.png shows the largest, where there are groups of several.
        backbone: of a detector, the .pt2 or .onnx file of a feature network of the user's own, which looks in place of the
            members of the recipe. It is a program and is run: name only files that you trust. The model file names it, and does
            not hold it, so that it is named again wherever the model scores images.

    Raises:
        BackboneError: for a backbone that cannot be loaded, or does not describe places of these images.
        ImagesError: for a source that cannot be read; TooFewImages where it takes more.
        OutputError: where the file cannot be written, said before training starts.
        Interrupted: on Ctrl-C, with the work so far kept.
    """
    output, recipe = Path(output), recipe or make_recipe()
    check_writable(output)
    for path, kind in zip(filtered_paths(output), (FILTERED, PNG), strict=True):
        check_replaces(path, kind)
    named = None if backbone is None else _checked_backbone(backbone, recipe)
    checkpoints = [output.with_name(f"{output.name}.network-{index}.resume") for index in range(recipe.most_trainings())]
    start = time.perf_counter()
    on_progress(READING, Progress(0, 1))
    images = with_groups(read_images(training_source(source), **reading), groups)
    if not resume:
        _remove(output)
    watched: dict[str, Any] = {"picture": samples_path(output)} if recipe.task == "generate" else {}
    if recipe.task == "detect":
        watched = {"on_groups": partial(write_groups, places=groups_paths(output)), "backbone": named}
    file = MAKERS[recipe.task](images, recipe, checkpoints=checkpoints, on_progress=on_progress, **watched)
    file = replace(file, provenance=file.provenance.model_copy(update={"seconds": time.perf_counter() - start}))
    file.save(output)
    _remove(output)
    _write_filtered(file, images, output)
    return file


def _checked_backbone(path: str | PathLike[str], recipe: Recipe) -> BackboneFile:
    """Return the backbone of a detector, which can be loaded: said now rather than after all images were read."""
    if recipe.task != "detect":
        raise ConfigError(f"expected a recipe of a detector for a backbone, got {recipe.name!r}, made to {recipe.task}.")
    named = BackboneFile.read(path)
    named.load()
    return named


def filtered_paths(output: Path) -> tuple[Path, Path]:
    """Return where the training images that may not belong are listed and drawn, beside a model file.

    >>> [path.name for path in filtered_paths(Path("part.sablier"))]
    ['part.filtered.csv', 'part.filtered.png']
    """
    stem = output.name.removesuffix(".sablier")
    return output.with_name(f"{stem}.filtered.csv"), output.with_name(f"{stem}.filtered.png")


def samples_path(output: Path) -> Path:
    """Return where a sheet of what a generator draws is kept up to date while it learns, beside its model file.

    >>> samples_path(Path("g.sablier")).name
    'g.samples.png'
    """
    return output.with_name(f"{output.name.removesuffix('.sablier')}.samples.png")


def _write_filtered(file: ModelFile, images: ImageSet, output: Path) -> None:
    """List and draw the training images that may not belong; where there are none, remove the list of an earlier run."""
    table, picture = filtered_paths(output)
    filtered = file.provenance.filtered
    if not filtered:
        for path in (table, picture):
            path.unlink(missing_ok=True)
        return
    # Drawing is imported only when something is drawn.
    from sablier.report.figures import sheet

    positions = {str(name): index for index, name in enumerate(images.ids)}
    rows = ((name, f"{score:.4f}", positions[name]) for name, score in filtered)
    write_text(table, csv_text([("id", "score", "position"), *rows]))
    worst = filtered[:MOST_PICTURED]
    pixels = images.take(np.array([positions[name] for name, _ in worst])).dense(file.preprocess).array
    captions = [f"{name}\nscore {score:.1f}" for name, score in worst]
    write_whole(picture, sheet(file.preprocess.to_unit(pixels), captions))


def _remove(output: Path) -> None:
    """Remove the checkpoints of `output`, also those of earlier runs of more folds."""
    for path in output.parent.glob(f"{escape(output.name)}.network-*.resume"):
        path.unlink(missing_ok=True)


def check_writable(output: Path) -> None:
    """Raise OutputError now, rather than after an hour of training, where `output` cannot be written."""
    if output.is_dir():
        raise OutputError(f"{output} is a folder. Name a file, for example -o {output / 'model.sablier'}.")
    probe = output.with_name(f".{output.name}.probe")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(f"{output} cannot be written: {error.strerror}. Choose another place with -o.") from error
