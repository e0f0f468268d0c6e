"""Cross-validation of a classifier: a network that was not trained on an image predicts it."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sablier.errors import ConfigError, Interrupted, TooFewImages
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.recipes.config import Recipe
from sablier.tasks.classification.classify import Classifier
from sablier.typing import Array
from sablier.workflows.training.classifier import (
    FEWEST_OF_A_CLASS,
    check_labels,
    expected_classifier,
    groups_by_class,
    train_classifier,
)
from sablier.workflows.training.forecast import Forecast, OnProgress, Stage, unheard

FOLDS = 5  # by default: each network is trained on four fifths of the images
MOST_FOLDS = 100


@dataclass(frozen=True)
class CrossValidation:
    """The predictions of a cross-validation on N images.

    Args:
        classes: K names.
        probabilities: N,K calibrated probabilities, by the network that was not trained on the image.
        fold: N: the number of that network.
        classifiers: the networks.
    """

    classes: Array
    probabilities: Array
    fold: Array
    classifiers: tuple[Classifier, ...]


def cross_validate(
    images: ImageSet,
    recipe: Recipe,
    folds: int = FOLDS,
    *,
    folder: Path | None = None,
    on_progress: OnProgress = unheard,
) -> CrossValidation:
    """Train a classifier for each fold on the images of the others, and predict the images of the fold.

    Folds are stratified by class, with the seed of the recipe. The temperature is fitted on images of other folds, too.

    Args:
        images: dense images with labels.
        recipe: of each network.
        folder: from `folder_of`, keeps the networks of finished folds for a later run; None keeps none.

    Raises:
        ImagesError: for images without labels, or of one class; TooFewImages for a class with too few for so many folds.
        ConfigError: for a number of folds below 2.
        Interrupted: on Ctrl-C; finished folds and the checkpoint of the present one are in the folder.
    """
    classes = check_labels(images)
    fold = fold_numbers(images, folds, recipe.fit.seed)
    found = np.empty((len(images), len(classes)))
    names = [f"fold {number + 1} of {folds}" for number in range(folds)]
    paths = [None if folder is None else folder / f"fold-{number}.sablier" for number in range(folds)]
    forecast, classifiers = Forecast(on_progress), []
    forecast.expect(f"{len(images):,} images, {folds} folds", lambda: _expected(images.take(fold != 0), recipe, names, paths))
    for number, (name, path) in enumerate(zip(names, paths, strict=True)):
        classifier = _classifier(images.take(fold != number), recipe, path, name, forecast)
        found[fold == number] = classifier.classify(images.take(fold == number)).probabilities
        classifiers.append(classifier)
    return CrossValidation(classes, found, fold, tuple(classifiers))


def fold_numbers(images: ImageSet, folds: int, seed: int) -> Array:
    """Return N: the fold of each image, from 0; the folds have equal numbers of each class, or one more.

    With groups, which no fold divides, the numbers are about equal.

    Raises:
        ConfigError, TooFewImages: as for `cross_validate`.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    if not 2 <= folds <= MOST_FOLDS:
        raise ConfigError(f"expected from 2 to {MOST_FOLDS} folds, or 0 for none, got {folds}.")
    labels = np.asarray(images.labels)
    classes, counts = groups_by_class(images)
    # The other folds must have enough images of a class to train and to calibrate.
    least = counts.argmin()
    needed = max(folds, 2 * FEWEST_OF_A_CLASS if folds == 2 else 0)
    if counts[least] < needed:
        fewer = (
            f"Take --folds {counts[least]}, add images of it, or" if counts[least] > FEWEST_OF_A_CLASS else "Add images of it, or"
        )
        raise TooFewImages(
            f"expected at least {needed} images of each class for {folds} folds, got {counts[least]} of {classes[least]}. "
            f"{fewer} let the model itself judge with --folds 0."
        )
    fold = np.empty(len(labels), np.int64)
    kind = StratifiedKFold if images.groups is None else StratifiedGroupKFold
    parts = kind(folds, shuffle=True, random_state=seed).split(labels, labels, images.groups)
    for number, (_, held) in enumerate(parts):
        fold[held] = number
    return fold


def folder_of(place: Path, images: ImageSet, recipe: Recipe, folds: int) -> Path:
    """Return the folder, below `place`, for the folds of these images with these labels and this recipe."""
    labels = [] if images.labels is None else images.labels.tolist()
    identity = json.dumps([images.fingerprint(), labels, recipe.to_dict(), folds])
    return place / f"mistakes-{hashlib.sha256(identity.encode()).hexdigest()[:12]}.folds"


def forget_folds(place: Path) -> None:
    """Remove the folders of folds below `place`, also those of other stopped runs."""
    for folder in place.glob(f"mistakes-{'[0-9a-f]' * 12}.folds"):
        shutil.rmtree(folder, ignore_errors=True)


def _expected(images: ImageSet, recipe: Recipe, names: Sequence[str], paths: Sequence[Path | None]) -> list[Stage]:
    """Return how long each fold is expected to take, from a trial on the training images of the first."""
    first = expected_classifier(images, recipe)
    done = [float(path is not None and path.exists()) for path in paths]
    return [replace(first, name=name, done=each) for name, each in zip(names, done, strict=True)]


def _classifier(images: ImageSet, recipe: Recipe, path: Path | None, stage: str, forecast: Forecast) -> Classifier:
    """Return the classifier of one fold, from its file if an earlier run has left it."""
    if path is not None and path.exists():
        return Classifier.from_file(ModelFile.load(path))
    checkpoint = None if path is None else path.with_suffix(".resume")
    try:
        with forecast.stage(stage) as progressed:
            file = train_classifier(images, recipe, checkpoints=[checkpoint], on_progress=forecast.within(progressed))
    except (Interrupted, KeyboardInterrupt) as error:
        kept = "" if path is None else f" The work so far is in {path.parent}; run the same command again to go on."
        raise Interrupted(f"cross-validation was stopped in {stage}.{kept}") from error
    if path is not None and checkpoint is not None:
        file.save(path)
        checkpoint.unlink(missing_ok=True)
    return Classifier.from_file(file)
