"""Training within a budget of time: what a step takes here decides how wide a network is and how long it learns."""

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import torch

from sablier.errors import ConfigError, ModelFileError
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models import Model, create_model
from sablier.models.registry import model_options
from sablier.recipes.config import Recipe, of_task
from sablier.recipes.tasks import ClassificationRecipe
from sablier.training.checkpoint import Checkpoint
from sablier.training.loop import fit
from sablier.training.probe import WORTH_PROBING, choose_dtype
from sablier.transforms.batches import Batches, choose_device

Counts = Callable[[list[float]], float]

WIDTHS = (8, 16, 32, 64, 128)
# A wider network that sees the images eight times is better than one of half the width that sees them twenty times, and one
# that sees them four times is not: bench/classify.py, docs/LOG.md.
FEWEST_EPOCHS, MOST_EPOCHS = 8, 200
KEPT_BACK = 0.15  # of the budget: for what follows training, and since a long run is slower than a few steps
TRIED_STEPS, TRIED_PASSES = 5, 3
CHEAPEST = 2  # at least so many times longer takes a network of twice the width


def within_budget(
    recipe: Recipe, images: ImageSet, preprocess: Preprocess, checkpoint: Path | None = None
) -> ClassificationRecipe:
    """Return the recipe with the width and the epochs that its budget has time for; as it is, where it has no budget.

    A few steps are timed of one width after the other, narrowest first, as long as the next may have time for 8 passes over the
    images; the widest that has it is taken.

    Args:
        images: dense training images.
        checkpoint: of a run that was stopped, whose choice is kept.

    Raises:
        ConfigError: for a model without a width, or a budget too short for one pass.
        ModelFileError: for a checkpoint of another run.
    """
    recipe = of_task(recipe, ClassificationRecipe)
    if recipe.budget_seconds is None:
        return recipe
    if "width" not in model_options(recipe.model):
        raise ConfigError(f"expected a model that has a width to fit into a budget, got {recipe.model}. Leave the budget out.")
    if checkpoint and checkpoint.exists():
        kept = Checkpoint.load(checkpoint)
        kept.check({"model": recipe.model})
        config, fitted = kept.identity["config"], kept.identity["fit"]
        if fitted["epochs"] is None:
            raise ModelFileError("the checkpoint is of a run without a budget. Leave the budget out to go on with it.")
        return _sized(recipe, config["width"], fitted["epochs"], fitted["dtype"])
    start = time.perf_counter()
    end = start + (1 - KEPT_BACK) * recipe.budget_seconds
    trial = Trial(recipe, images, preprocess)
    width, epochs = WIDTHS[0], trial.epochs_until(end, WIDTHS[0])
    for wider in WIDTHS[1:]:
        fewer = trial.epochs_until(end, wider) if epochs >= CHEAPEST * FEWEST_EPOCHS else 0
        if fewer < FEWEST_EPOCHS:
            break
        width, epochs = wider, fewer
    if epochs < 1:  # the trial may have been disturbed: once more, by its fastest pass, and with nothing kept back
        epochs = min(1, trial.epochs_until(start + recipe.budget_seconds, width, min))
    if epochs < 1:
        raise ConfigError(f"{recipe.budget_seconds:g} s are too short to see all {len(images):,} images once. Give it more time.")
    return _sized(recipe, width, min(epochs, MOST_EPOCHS), trial.dtype)


class Trial:
    """A few steps of training on this machine, timed."""

    def __init__(self, recipe: ClassificationRecipe, images: ImageSet, preprocess: Preprocess) -> None:
        self.recipe, self.images = recipe, len(images)
        self.shape = preprocess.height, preprocess.width, preprocess.channels
        self.size = recipe.fit.plan(len(images), preprocess.height * preprocess.width).batch_size
        some = images.take(range(min(len(images), TRIED_STEPS * self.size)))
        self.batches = Batches(some, preprocess, choose_device(recipe.fit.device))
        self.dtype: Any = self._faster() if recipe.fit.dtype == "auto" else recipe.fit.dtype

    def epochs_until(self, end: float, width: int, counts: Counts = median) -> int:
        """Return how many passes a network of this width has time for, when it has been timed."""
        seconds = self.seconds_per_epoch(width, counts)
        return int((end - time.perf_counter()) / seconds)

    def seconds_per_epoch(self, width: int, counts: Counts = median) -> float:
        """Return how long a pass over all images takes with a network of this width; `counts` chooses among those timed."""
        config = replace(self.recipe.fit, epochs=1 + TRIED_PASSES, dtype=self.dtype)
        rows = fit(self._model(width), self.batches, self.recipe.objective, config).rows
        # The first pass warms up; of the others one may have been disturbed.
        seconds = [after["seconds"] - before["seconds"] for before, after in pairwise(rows)]
        return counts(seconds) * self.images / len(self.batches)

    def _faster(self) -> str:
        device = self.batches.pixels.device
        batch = self.batches.take(torch.arange(self.size, device=device))
        model = self._model(WIDTHS[0]).to(device)
        model.initialise(batch.x, self.recipe.fit.seed)
        return str(choose_dtype(model, self.recipe.objective, batch, WORTH_PROBING)).removeprefix("torch.")

    def _model(self, width: int) -> Model:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.recipe.fit.seed)
            return create_model(self.recipe.model, self.shape, **{**self.recipe.options, "width": width})


def _sized(recipe: ClassificationRecipe, width: int, epochs: int, dtype: Any) -> ClassificationRecipe:
    """Return the recipe without a budget; in the arithmetic that was timed, so that it takes as long."""
    options = {**recipe.options, "width": width}
    return replace(recipe, budget_seconds=None, options=options, fit=replace(recipe.fit, epochs=epochs, dtype=dtype))
