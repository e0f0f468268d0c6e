"""train = read, fit, calibrate, save."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from glob import escape
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch

import sablier
from sablier.calibration import images_needed
from sablier.errors import OutputError, TooFewImages
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.images.sources import read_images
from sablier.modelfile import ModelFile, Provenance
from sablier.models import Model, create_model
from sablier.tasks.detect import TASK, Detector
from sablier.tasks.scorer import Scorer
from sablier.training.config import FitConfig
from sablier.training.loop import History, Progress, fit
from sablier.training.recipes import Recipe, make_recipe
from sablier.transforms.batches import Batches, choose_device

FEWEST = 8
MOST_CALIBRATION = 2000  # beyond this the band of the promise is narrow enough; more images train better
MOST_FUSION = 500
FEWEST_CALIBRATION = images_needed(0.01)  # so that a split always supports a false-alarm rate of 1 %

OnProgress = Callable[[str, Progress], None]


@dataclass(frozen=True)
class Member:
    """One training of the whole: for how long, and which images each use takes.

    Args:
        validation: only reported, never acted upon.
        fusion: what corrections are fitted on: held-out images, or with folds those that trained.
        calibration: unseen by anything else.
    """

    name: str
    fit: FitConfig
    training: ImageSet
    validation: ImageSet
    fusion: ImageSet
    calibration: ImageSet


def train(
    source: Any,
    output: str | PathLike[str],
    recipe: Recipe | None = None,
    *,
    resume: bool = False,
    on_progress: OnProgress = lambda stage, progress: None,
    **reading: Any,
) -> ModelFile:
    """Train a detector on the images of a source and write it to `output`.

    Args:
        source: whatever `read_images` takes; `reading` are its options.
        output: the .sablier file; checkpoints lie beside it while training runs.
        recipe: the configuration; `make_recipe()` where none is given.
        resume: go on from those checkpoints.

    Raises:
        ImagesError: for a source that cannot be read; TooFewImages below 8 images.
        OutputError: where the file cannot be written, said before training starts.
        Interrupted: on Ctrl-C, with the work so far kept.
    """
    output, recipe = Path(output), recipe or make_recipe()
    check_writable(output)
    checkpoints = [output.with_name(f"{output.name}.member-{index}.resume") for index in range(max(recipe.folds, 1))]
    images = read_images(source, **reading)
    if not resume:
        _remove(output)
    file = train_detector(images, recipe, checkpoints=checkpoints, on_progress=on_progress)
    file.save(output)
    _remove(output)
    return file


def _remove(output: Path) -> None:
    """Remove the checkpoints of `output`, also those of earlier runs of more folds."""
    for path in output.parent.glob(f"{escape(output.name)}.member-*.resume"):
        path.unlink(missing_ok=True)


def train_detector(
    images: ImageSet,
    recipe: Recipe,
    *,
    checkpoints: Iterable[Path | None] = (),
    on_progress: OnProgress = lambda stage, progress: None,
) -> ModelFile:
    """Train, correct and calibrate a detector on normal images; return the model file.

    Training, corrections and calibration use disjoint images. With fewer than `recipe.folds_below` images every image
    calibrates the one model of `recipe.folds` that has not seen it.

    Raises:
        TooFewImages: for fewer than 8 images.
    """
    preprocess, dense = prepared(images, recipe, FEWEST)
    members = plan_members(dense, recipe)
    paths: list[Path | None] = [*checkpoints, *([None] * len(members))]
    scorers, histories = [], {}
    for index, (member, path) in enumerate(zip(members, paths, strict=False)):
        stage = "training" if len(members) == 1 else f"training fold {index + 1} of {len(members)}"
        model, history = train_model(
            member.training, preprocess, replace(recipe, fit=member.fit), validation=member.validation, member=index,
            checkpoint=path, on_progress=partial(on_progress, stage),
        )  # fmt: skip
        histories[member.name] = history.__dict__
        scorers.append(Scorer.fit(model, preprocess, member.training, member.fusion))
    detector = Detector.calibrated(tuple(scorers), tuple(member.calibration for member in members))
    return ModelFile(TASK, preprocess, detector.parts(), histories, provenance(dense, recipe))


def prepared(images: ImageSet, recipe: Recipe, fewest: int) -> tuple[Preprocess, ImageSet]:
    """Decide the preprocessing from training images; return it and the images it makes.

    Raises:
        TooFewImages: where fewer than `fewest` can be read.
    """
    preprocess = Preprocess.for_images(images, recipe.size)
    dense = images.dense(preprocess)
    if len(dense) < fewest:
        raise TooFewImages(f"expected at least {fewest} images to learn from, got {len(dense)} from {images.source}.")
    return preprocess, dense


def train_model(
    images: ImageSet,
    preprocess: Preprocess,
    recipe: Recipe,
    *,
    validation: ImageSet | None = None,
    member: int = 0,
    checkpoint: Path | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> tuple[Model, History]:
    """Train one network on dense images as a recipe says; return it, on the CPU and in eval mode, with its history."""
    config = recipe.fit
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed + member)
        model = create_model(recipe.model, (preprocess.height, preprocess.width, preprocess.channels), **recipe.options)
    device = choose_device(config.device)
    history = fit(
        model,
        Batches(images, preprocess, device),
        recipe.objective,
        config,
        validation=None if validation is None else Batches(validation, preprocess, device),
        checkpoint=checkpoint,
        on_progress=on_progress,
    )
    return model.cpu(), history


def plan_members(dense: ImageSet, recipe: Recipe) -> list[Member]:
    """Assign images to their disjoint uses: a single split where there are enough, cross-conformal folds below that."""
    count, seed = len(dense), recipe.fit.seed
    order = np.random.default_rng(seed).permutation(count)
    if count < recipe.folds_below:
        folds = np.array_split(order, min(recipe.folds, count))
        fit, effort = recipe.fit, recipe.fold_effort
        shorter = replace(fit, steps=max(1, round(effort * fit.steps)), megapixels=effort * fit.megapixels)
        members = []
        for index, fold in enumerate(folds):
            rest, left_out = dense.take(np.setdiff1d(order, fold)), dense.take(np.sort(fold))
            members.append(Member(f"member-{index}", shorter, rest, left_out, rest, left_out))
        return members
    calibration = min(MOST_CALIBRATION, max(FEWEST_CALIBRATION, round(recipe.calibration_share * count)))
    fusion = min(MOST_FUSION, round(recipe.fusion_share * count))
    edges = np.cumsum([calibration, fusion])
    if edges[-1] >= count:
        raise TooFewImages(
            f"{count} images leave none to train on beside {calibration} for calibration and {fusion} for corrections. "
            f"Use folds for so few: --set folds_below={count + 1}."
        )
    held, corrected, trained = (dense.take(np.sort(part)) for part in np.split(order, edges))
    return [Member("member-0", recipe.fit, trained, corrected, corrected, held)]


def provenance(dense: ImageSet, recipe: Recipe) -> Provenance:
    """Return where a model trained now on these images comes from."""
    return Provenance(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        sablier=sablier.__version__,
        torch=torch.__version__,
        source=dense.source,
        images=len(dense),
        fingerprint=dense.fingerprint(),
        recipe=recipe.to_dict(),
        skipped=[f"{item.id}: {item.reason}" for item in dense.skipped],
    )


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
