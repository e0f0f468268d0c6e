"""A plain autoencoder: train on images, keep in a model file, and have the network back."""

from collections.abc import Callable

import numpy as np

from sablier.errors import ModelFileError
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile, Part
from sablier.models.base import Model
from sablier.tasks.reconstruct import TASK
from sablier.training.loop import Progress
from sablier.training.recipes import Recipe
from sablier.workflows.train import prepared, provenance, train_model

FEWEST = 2
MOST_VALIDATION = 500
NET = "net"


def train_autoencoder(
    images: ImageSet, recipe: Recipe, *, on_progress: Callable[[Progress], None] = lambda progress: None
) -> ModelFile:
    """Train an autoencoder on images and return its model file, for encoding, decoding and reconstructing.

    A share `recipe.fusion_share` of the images, at most 500, is held out: the history reports the loss on them.

    Raises:
        TooFewImages: for fewer than 2 images.
    """
    preprocess, dense = prepared(images, recipe, FEWEST)
    order = np.random.default_rng(recipe.fit.seed).permutation(len(dense))
    held = min(MOST_VALIDATION, int(recipe.fusion_share * len(dense)))
    model, history = train_model(
        dense.take(np.sort(order[held:])),
        preprocess,
        recipe,
        validation=dense.take(np.sort(order[:held])) if held else None,
        on_progress=on_progress,
    )
    return ModelFile(TASK, preprocess, {NET: Part.of_model(model)}, {NET: history.__dict__}, provenance(dense, recipe))


def autoencoder_of(file: ModelFile) -> Model:
    """Return the network of a model file that `train_autoencoder` made.

    Raises:
        ModelFileError: for a file of another task, or one that lacks the network.
    """
    if file.task != TASK:
        raise ModelFileError(f"expected a model trained to {TASK}, got one trained to {file.task}.")
    try:
        return file.parts[NET].to_model()
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelFileError(f"the model file lacks a part of an autoencoder: {error}.") from error
