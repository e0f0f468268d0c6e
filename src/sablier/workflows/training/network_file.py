"""Trains a model file with one network, with a forecast, and reports the loss on held-out images."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from sablier.images.fingerprints import Fingerprints
from sablier.images.grouping import group_numbers
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile, Part
from sablier.models import Model
from sablier.recipes.config import Recipe
from sablier.tasks.known_part import known_part
from sablier.workflows.training.forecast import Forecast, Stage, counted_work
from sablier.workflows.training.network import NEEDED, NET, provenance, train_model
from sablier.workflows.training.trial import Trial, expected_training

MOST_VALIDATION = 500
TRAINING = "training the network"


def train_network_file(
    task: str,
    dense: ImageSet,
    preprocess: Preprocess,
    recipe: Recipe,
    checkpoints: Iterable[Path | None],
    forecast: Forecast,
    prints: Fingerprints | None = None,
    came: ImageSet | None = None,
    on_epoch: Callable[[int, Model], None] | None = None,
    *,
    nouns: str = "images",
    following: Callable[[], Sequence[Stage]] = lambda: (),
) -> ModelFile:
    """Train the one network of a task on dense images and return its model file.

    A share `recipe.fusion_share` of the images, at most 500, is held out in whole groups; the history has the loss on them.

    Args:
        prints: fingerprints for the file to recognise the images; None for patches of images.
        came: the images as they were read, if `dense` are not all of them.
        on_epoch: called with the network after every recorded epoch; see `fit`.
        nouns: what the images are called in reports.
        following: the stages after the training of the network, with their expected times.
    """
    groups = group_numbers(dense)
    order = np.random.default_rng(recipe.fit.seed).permutation(groups.max() + 1)
    apart = np.isin(groups, order[: min(MOST_VALIDATION, int(recipe.fusion_share * len(order)))])
    held = np.flatnonzero(apart)
    held = held[np.linspace(0, len(held) - 1, min(MOST_VALIDATION, len(held))).astype(int)]
    training, checkpoint = dense.take(~apart), next(iter(checkpoints), None)

    def stages() -> list[Stage]:
        trial = Trial(recipe, training, preprocess)
        return [expected_training(trial, TRAINING, len(held), checkpoint), *following()]

    forecast.expect(counted_work(len(dense), preprocess, nouns), stages)
    with forecast.stage(TRAINING) as progressed:
        model, history = train_model(
            training,
            preprocess,
            recipe,
            NEEDED[recipe.task],
            validation=dense.take(held) if len(held) else None,
            checkpoint=checkpoint,
            on_progress=progressed,
            on_epoch=on_epoch,
        )
    parts = {NET: Part.of_model(model)} | ({} if prints is None else known_part(prints))
    origin = provenance(dense, recipe, came or dense, preprocess)
    return ModelFile(task, preprocess, parts, {NET: history.__dict__}, origin)
