"""An autoencoder: draws images again from what its network keeps of them, and knows where their codes lie."""

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
from sablier.workflows.training.network import OnProgress, network_of, prepared, train_model, train_network_file

FEWEST = 2


def train_autoencoder(
    images: ImageSet,
    recipe: Recipe,
    *,
    checkpoints: Iterable[Path | None] = (),
    on_progress: OnProgress = lambda stage, progress: None,
) -> ModelFile:
    """Train an autoencoder on images and return its model file, for encoding, decoding, reconstructing and drawing new images.

    Beside the network it keeps a mixture of Gaussians over the codes of the training images, unless these are too long to be
    codes, and the flow over them where the recipe has one.

    Raises:
        TooFewImages: for fewer than 2 images.
    """
    recipe = of_task(recipe, ReconstructionRecipe)
    preprocess, dense, prints = prepared(images, recipe.size, FEWEST)
    places = iter(checkpoints)
    file = train_network_file(TASK, dense, preprocess, recipe, [next(places, None)], on_progress, prints, came=images)
    flow = recipe.others.get(FLOW)
    network = network_of(file, TASK)
    if latent_size(network, preprocess) > mixture.MOST_NUMBERS:
        return file
    # Only as many as the mixture learns from, drawn evenly: encoding them all may take longer than fitting it.
    count = min(len(dense), recipe.mixture_codes)
    drawn = np.linspace(0, len(dense) - 1, len(dense) if flow else count).astype(int)
    codes = encode(network, preprocess, dense.take(drawn))
    some = codes[np.linspace(0, len(codes) - 1, count).astype(int)]
    parts = {**file.parts, mixture.PART: mixture.fitted_mixture(some, recipe.fit.seed).part()}
    histories = dict(file.histories)
    if flow:
        # A code as an image of one column, in its own numbers.
        rule = Preprocess(height=codes.shape[1], width=1, channels=1, dtype="float32", black=0, white=1, bounded=False)
        column = ImageSet(codes[:, :, None, None])
        leading, history = train_model(
            column, rule, flow, ("sample",), checkpoint=next(places, None), on_progress=partial(on_progress, FLOW)
        )
        parts[FLOW], histories[f"codes/{FLOW}"] = Part.of_model(leading), history.__dict__
    return replace(file, parts=parts, histories=histories)
