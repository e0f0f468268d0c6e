"""Trains and calibrates a classifier."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sablier.calibration import Calibration
from sablier.errors import ImagesError, TooFewImages
from sablier.images.grouping import group_numbers
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile, Part
from sablier.models.base import Model
from sablier.recipes.config import Recipe, of_task
from sablier.recipes.tasks import ClassificationRecipe
from sablier.tasks.classification.classify import CLASSES, NET, TASK, Classifier, all_logits, fitted_temperature, unlikeness
from sablier.tasks.classification.test_time_augmentation import ONE_VIEW, Views
from sablier.tasks.detection.detect import sizes_in
from sablier.tasks.known_part import known_part
from sablier.training.objectives import Classification
from sablier.typing import Array
from sablier.workflows.training.budget import within_budget
from sablier.workflows.training.forecast import Forecast, OnProgress, Stage, counted_work, unheard
from sablier.workflows.training.network import prepared, provenance, train_model
from sablier.workflows.training.trial import Trial, expected_training

FEWEST = 4
FEWEST_OF_A_CLASS = 2
MOST_HELD_OUT = 2500
TRAINING = "training the network"


def train_classifier(
    images: ImageSet,
    recipe: Recipe,
    *,
    checkpoints: Iterable[Path | None] = (),
    on_progress: OnProgress = unheard,
) -> ModelFile:
    """Train a classifier on labelled images and return its model file.

    A share `recipe.fusion_share` of each class, at least one image, is held out. The temperature is fitted on it, and its
    energies calibrate the test for images of no class.

    Args:
        checkpoints: the first is a file to resume from if it exists, and to keep up to date.

    Raises:
        TooFewImages: for fewer than 4 images, or a class with one image.
        ImagesError: for images without labels, or of one class.
    """
    recipe = of_task(recipe, ClassificationRecipe)
    check_labels(images)
    preprocess, dense, prints = prepared(images, recipe.size, FEWEST)
    classes = check_labels(dense)
    held = held_out(dense.labels, recipe.fusion_share, recipe.fit.seed, dense.groups)
    training, apart = dense.take(~held), dense.take(held)
    recipe, checkpoint = replace(recipe, options={**recipe.options, "classes": len(classes)}), next(iter(checkpoints), None)
    recipe = within_budget(recipe, training, preprocess, checkpoint)
    forecast = Forecast(on_progress)
    forecast.expect(
        counted_work(len(dense), preprocess),
        lambda: [expected_training(Trial(recipe, training, preprocess), TRAINING, len(apart), checkpoint)],
    )
    with forecast.stage(TRAINING) as progressed:
        network, history = train_model(
            training, preprocess, recipe, ("classify",), validation=apart, checkpoint=checkpoint, on_progress=progressed
        )
    mirror = isinstance(recipe.objective, Classification) and recipe.objective.mirrors(preprocess.channels)
    found = calibrated(network, preprocess, apart, classes, mirror)
    parts = {NET: Part.of_model(network), CLASSES: found.part(), **known_part(prints)}
    return ModelFile(TASK, preprocess, parts, {NET: history.__dict__}, provenance(dense, recipe, images, preprocess))


def expected_classifier(images: ImageSet, recipe: Recipe) -> Stage:
    """Return how long a classifier is expected to train: its budget, or by a few timed steps."""
    recipe = of_task(recipe, ClassificationRecipe)
    if recipe.budget_seconds is not None:
        return Stage(TRAINING, recipe.budget_seconds)
    preprocess = Preprocess.for_images(images, recipe.size)
    dense = images.dense(preprocess)
    network = replace(recipe, options={**recipe.options, "classes": len(np.unique(np.asarray(dense.labels)))})
    return expected_training(Trial(network, dense, preprocess), TRAINING)


def calibrated(network: Model, preprocess: Preprocess, apart: ImageSet, classes: Array, mirror: bool) -> Classifier:
    """Return a classifier; held-out images decide the temperature and whether test-time augmentation is used."""
    numbers, once = class_numbers(apart, classes), all_logits(network, preprocess, apart)
    again = Views.after(once, mirror)
    ways = [(ONE_VIEW, once), (again, all_logits(network, preprocess, apart, again))]
    fits = [fitted_temperature(logits, numbers) for _, logits in ways]
    best = min(range(len(ways)), key=lambda way: fits[way][1])
    (views, logits), (temperature, _) = ways[best], fits[best]
    return Classifier(network, preprocess, classes, temperature, Calibration((unlikeness(logits),), **sizes_in((apart,))), views)


def check_labels(images: ImageSet, fewest: int = FEWEST_OF_A_CLASS) -> Array:
    """Return the names of the classes, in their order.

    Raises:
        ImagesError: for images without labels, or of one class; TooFewImages for a class with fewer than `fewest`.
    """
    if images.labels is None:
        raise ImagesError(
            f"expected labels, got none from {images.source}. Put the images of each class in a folder of its own, or name a "
            "file of labels with --labels."
        )
    classes, counts = groups_by_class(images)
    if len(classes) < 2:
        only = f"only {str(classes[0])!r}" if len(classes) else "none"
        raise ImagesError(f"expected images of at least 2 classes, got {only} from {images.source}. Add others.")
    alone = classes[counts < fewest]
    if len(alone):
        names, what = ", ".join(alone[:5].tolist()), "images" if images.groups is None else "images that are not one group"
        raise TooFewImages(f"expected at least {fewest} {what} of each class, got one of {names}. Add more of it.")
    return np.asarray(classes)


def groups_by_class(images: ImageSet) -> tuple[Array, Array]:
    """Return the names of the classes, in their order, and the number of groups of images in each."""
    classes, numbers = np.unique(np.asarray(images.labels), return_inverse=True)
    pairs = np.unique(np.column_stack([numbers, group_numbers(images)]), axis=0)
    return classes, np.bincount(pairs[:, 0], minlength=len(classes))


def class_numbers(images: ImageSet, classes: Array) -> Array:
    """Return N: the number of each image's class.

    Raises:
        ImagesError: for images without labels, or of an unknown class.
    """
    if images.labels is None:
        raise ImagesError(f"expected labels, got none from {images.source}. Name a file of labels with --labels.")
    unknown = sorted(set(images.labels.tolist()) - set(classes.tolist()))
    if unknown:
        known = ", ".join(classes[:10].tolist())
        raise ImagesError(f"expected the classes that the model knows ({known}), got {', '.join(unknown[:5])} as well.")
    return np.asarray(np.searchsorted(classes, images.labels))


def held_out(labels: Any, share: float, seed: int, groups: Array | None = None) -> Array:
    """Return N booleans: a random share of each class in whole groups, at least one group, and at most about 2,500 in all.

    Args:
        labels: N classes.
        share: of the images of each class.
        seed: of the random choice.
        groups: N numbers, equal for images that are not independent; None: each image is its own group.

    >>> held_out(np.array(list("aaaaaaaaaabb")), 0.2, 0).sum()
    np.int64(3)
    """
    random = np.random.default_rng(seed)
    share = min(share, MOST_HELD_OUT / max(1, len(labels)))
    found = np.zeros(len(labels), bool)
    for name in np.unique(labels):
        own = np.flatnonzero(labels == name)
        wanted = max(1, int(share * len(own)))
        if groups is None:
            found[random.choice(own, wanted, replace=False)] = True
            continue
        for group in random.permutation(np.unique(groups[own])):
            if found[own].sum() >= wanted:
                break
            found |= groups == group
    return found
