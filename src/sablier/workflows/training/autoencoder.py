"""Trains an autoencoder, with a mixture of Gaussians over its codes."""

import time
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile, Part
from sablier.recipes.config import Recipe, of_task
from sablier.recipes.tasks import ReconstructionRecipe
from sablier.tasks.latent import mixture
from sablier.tasks.latent.reconstruct import TASK, encode, latent_size
from sablier.tasks.latent.sample import FLOW
from sablier.typing import Array
from sablier.workflows.training.forecast import Forecast, OnProgress, Stage, unheard
from sablier.workflows.training.network import network_of, prepared, train_model
from sablier.workflows.training.network_file import train_network_file
from sablier.workflows.training.trial import Trial, expected_training

FEWEST = 2
TRIED_CODES = 500  # codes of a trial fit, which is timed
CODES, FLOWING = "learning which codes images have", "training the flow over codes"


def train_autoencoder(
    images: ImageSet,
    recipe: Recipe,
    *,
    checkpoints: Iterable[Path | None] = (),
    on_progress: OnProgress = unheard,
) -> ModelFile:
    """Train an autoencoder on images and return its model file.

    Besides the network, the file keeps a mixture of Gaussians over the codes of the training images, unless codes are too
    long, and the flow over them if the recipe has one.

    Raises:
        TooFewImages: for fewer than 2 images.
    """
    recipe = of_task(recipe, ReconstructionRecipe)
    preprocess, dense, prints = prepared(images, recipe.size, FEWEST)
    places, forecast = iter(checkpoints), Forecast(on_progress)
    first, second = next(places, None), next(places, None)
    following = partial(_expected_of_codes, len(dense), recipe, second)
    file = train_network_file(TASK, dense, preprocess, recipe, [first], forecast, prints, came=images, following=following)
    network = network_of(file, TASK)
    if latent_size(network, preprocess) > mixture.MOST_NUMBERS:
        return file
    flow = recipe.others.get(FLOW)
    with forecast.stage(CODES):
        # Only as many as the mixture is fitted to, an even sample: encoding them all may take longer than the fit.
        count = min(len(dense), recipe.mixture_codes)
        drawn = np.linspace(0, len(dense) - 1, len(dense) if flow else count).astype(int)
        codes = encode(network, preprocess, dense.take(drawn))
        some = codes[np.linspace(0, len(codes) - 1, count).astype(int)]
        parts = {**file.parts, mixture.PART: mixture.fitted_mixture(some, recipe.fit.seed).part()}
    histories = dict(file.histories)
    if flow:
        with forecast.stage(FLOWING) as progressed:
            leading, history = train_model(*_columns(codes), flow, ("sample",), checkpoint=second, on_progress=progressed)
        parts[FLOW], histories[f"codes/{FLOW}"] = Part.of_model(leading), history.__dict__
    return replace(file, parts=parts, histories=histories)


def _columns(codes: Array) -> tuple[ImageSet, Preprocess]:
    """Return N,D codes as images of one column, in their own value range."""
    rule = Preprocess(height=codes.shape[1], width=1, channels=1, dtype="float32", black=0, white=1, bounded=False)
    return ImageSet(codes[:, :, None, None]), rule


def _expected_of_codes(images: int, recipe: ReconstructionRecipe, checkpoint: Path | None) -> list[Stage]:
    """Return how long the mixture and the flow are expected to take, from a trial with random codes."""
    numbers = recipe.settings().get("latent")
    if not isinstance(numbers, int) or numbers > mixture.MOST_NUMBERS:
        return []
    count = min(images, recipe.mixture_codes)
    codes = np.random.default_rng(0).normal(size=(images, numbers)).astype(np.float32)
    start = time.perf_counter()
    mixture.fitted_mixture(codes[:TRIED_CODES], recipe.fit.seed)
    found = [Stage(CODES, (time.perf_counter() - start) * max(1.0, count / TRIED_CODES), CODES)]
    if FLOW in recipe.others:
        found.append(expected_training(Trial(recipe.others[FLOW], *_columns(codes)), FLOWING, checkpoint=checkpoint))
    return found
