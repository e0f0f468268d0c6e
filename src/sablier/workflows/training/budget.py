"""Training within a time budget: timed steps decide the width of a network and the number of epochs."""

import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from sablier.errors import ConfigError, ModelFileError
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models.registry import model_options
from sablier.recipes.config import Recipe, of_task
from sablier.recipes.tasks import ClassificationRecipe
from sablier.training.checkpoint import Checkpoint
from sablier.workflows.training.trial import Counts, Trial

WIDTHS = (8, 16, 32, 64, 128)
# A wider network trained for eight epochs is better than one of half the width trained for twenty; for four epochs it is
# not: bench/classify.py.
FEWEST_EPOCHS, MOST_EPOCHS = 8, 200
KEPT_BACK = 0.15  # of the budget: for the work after training, and since a long run is slower than a few steps
TRIED_STEPS = 5
CHEAPEST = 2  # the least factor in time for a network of twice the width


def within_budget(
    recipe: Recipe, images: ImageSet, preprocess: Preprocess, checkpoint: Path | None = None
) -> ClassificationRecipe:
    """Return the recipe with the width and the epochs that fit its budget; unchanged if it has none.

    A few steps are timed for increasing widths, as long as the next width may have time for 8 epochs. The widest that has it
    is chosen.

    Args:
        images: dense training images.
        checkpoint: of a stopped run, whose choice is kept.

    Raises:
        ConfigError: if the model has no width, or the budget is too short for one epoch.
        ModelFileError: if the checkpoint is of another run.
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
    trial = _trial(recipe, images, preprocess)
    width, epochs = WIDTHS[0], _epochs_until(end, trial, WIDTHS[0])
    for wider in WIDTHS[1:]:
        fewer = _epochs_until(end, trial, wider) if epochs >= CHEAPEST * FEWEST_EPOCHS else 0
        if fewer < FEWEST_EPOCHS:
            break
        width, epochs = wider, fewer
    if epochs < 1:  # the trial may have been disturbed: again, by its fastest pass, with nothing kept back
        epochs = min(1, _epochs_until(start + recipe.budget_seconds, trial, width, min))
    if epochs < 1:
        raise ConfigError(f"{recipe.budget_seconds:g} s are too short to see all {len(images):,} images once. Give it more time.")
    return _sized(recipe, width, min(epochs, MOST_EPOCHS), trial.dtype)


def _trial(recipe: ClassificationRecipe, images: ImageSet, preprocess: Preprocess) -> Trial:
    """Return a trial in the arithmetic that is faster for the narrowest network, in a run of any length."""
    narrowest = replace(recipe, options={**recipe.options, "width": WIDTHS[0]}, fit=replace(recipe.fit, epochs=MOST_EPOCHS))
    return Trial(narrowest, images, preprocess, TRIED_STEPS)


def _epochs_until(end: float, trial: Trial, width: int, counts: Counts = median) -> int:
    """Return how many epochs a network of this width has time for, after timing it."""
    seconds = trial.seconds_per_epoch({"width": width}, counts)
    return int((end - time.perf_counter()) / seconds)


def _sized(recipe: ClassificationRecipe, width: int, epochs: int, dtype: Any) -> ClassificationRecipe:
    """Return the recipe without a budget, in the arithmetic that was timed."""
    options = {**recipe.options, "width": width}
    return replace(recipe, budget_seconds=None, options=options, fit=replace(recipe.fit, epochs=epochs, dtype=dtype))
