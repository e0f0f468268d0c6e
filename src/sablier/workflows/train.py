"""train = read, fit, calibrate where the recipe detects, save."""

from collections.abc import Callable
from glob import escape
from os import PathLike
from pathlib import Path
from typing import Any

from sablier.errors import OutputError
from sablier.images.mvtec import training_source
from sablier.images.sources import read_images
from sablier.modelfile import ModelFile
from sablier.training.recipes import Recipe, make_recipe
from sablier.workflows.autoencoder import train_autoencoder
from sablier.workflows.denoiser import train_denoiser
from sablier.workflows.detector import train_detector
from sablier.workflows.network import OnProgress

MAKERS: dict[str, Callable[..., ModelFile]] = {
    "detect": train_detector,
    "reconstruct": train_autoencoder,
    "denoise": train_denoiser,
}


def train(
    source: Any,
    output: str | PathLike[str],
    recipe: Recipe | None = None,
    *,
    resume: bool = False,
    on_progress: OnProgress = lambda stage, progress: None,
    **reading: Any,
) -> ModelFile:
    """Train what the recipe makes on the images of a source and write it to `output`.

    Args:
        source: whatever `read_images` takes; `reading` are its options.
        output: the .sablier file; checkpoints lie beside it while training runs.
        recipe: the configuration; `make_recipe()` where none is given.
        resume: go on from those checkpoints.

    Raises:
        ImagesError: for a source that cannot be read; TooFewImages where it takes more.
        OutputError: where the file cannot be written, said before training starts.
        Interrupted: on Ctrl-C, with the work so far kept.
    """
    output, recipe = Path(output), recipe or make_recipe()
    check_writable(output)
    most = recipe.folds * len(recipe.members)
    checkpoints = [output.with_name(f"{output.name}.member-{index}.resume") for index in range(most)]
    images = read_images(training_source(source), **reading)
    if not resume:
        _remove(output)
    file = MAKERS[recipe.task](images, recipe, checkpoints=checkpoints, on_progress=on_progress)
    file.save(output)
    _remove(output)
    return file


def _remove(output: Path) -> None:
    """Remove the checkpoints of `output`, also those of earlier runs of more folds."""
    for path in output.parent.glob(f"{escape(output.name)}.member-*.resume"):
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
