"""Trains a codec: a network for rounded codes, tables of their frequencies, and a network for lossless pixels."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from sablier.errors import ImagesError, TooFewImages
from sablier.images.imageset import ImageSet
from sablier.images.patches import patches
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile, Part
from sablier.recipes.config import Recipe, of_task
from sablier.recipes.tasks import CompressionRecipe
from sablier.tasks.codec.blocks import CONTEXT, TABLES, TASK, drawn, picture_digest
from sablier.tasks.codec.latents import LatentTables, step_of
from sablier.tasks.codec.pixels import exponentials
from sablier.tasks.latent.reconstruct import encode
from sablier.typing import Array
from sablier.workflows.training.forecast import Forecast, OnProgress, Stage, unheard
from sablier.workflows.training.network import network_of, train_model
from sablier.workflows.training.network_file import train_network_file
from sablier.workflows.training.trial import Trial, expected_training

FEWEST = 2
MOST_TILES = 60_000
LOSSLESS = "training the network of pixels"


def train_codec(
    images: ImageSet,
    recipe: Recipe,
    *,
    checkpoints: Iterable[Path | None] = (),
    on_progress: OnProgress = unheard,
) -> ModelFile:
    """Train a codec and return its model file.

    Small images of one size are used as they are. Others are cut into tiles of `recipe.size` pixels a side, as in
    compression.

    Raises:
        TooFewImages: for fewer than 2 images.
        ImagesError: for images of more than 8 bits.
    """
    recipe = of_task(recipe, CompressionRecipe)
    tiles = patches(images, recipe.size, MOST_TILES, recipe.fit.seed)
    if len(tiles) < FEWEST:
        raise TooFewImages(f"expected at least {FEWEST} images to train on, got {len(tiles)} from {images.source}.")
    if tiles.array.dtype != np.uint8:
        raise ImagesError(f"expected 8-bit images, got {tiles.array.dtype} from {images.source}. Convert them to 8 bits.")
    preprocess = Preprocess.for_images(tiles, recipe.size)
    places, forecast = iter(checkpoints), Forecast(on_progress)
    first, second = next(places, None), next(places, None)
    rule = preprocess.model_copy(update={"height": 2 * preprocess.height})

    def following() -> list[Stage]:
        trial = Trial(recipe.others[CONTEXT], _above(tiles.array, tiles.array), rule)
        return [expected_training(trial, LOSSLESS, checkpoint=second)]

    file = train_network_file(
        TASK, tiles, preprocess, recipe, [first], forecast, came=images, nouns="images or tiles", following=following
    )
    net = network_of(file, TASK)
    codes = encode(net, preprocess, tiles)
    tables, step = LatentTables.fitted(codes), step_of(recipe.base_quality)
    lossy = drawn(net, preprocess, tables.values(tables.rounded(codes, step), step))
    with forecast.stage(LOSSLESS) as progressed:
        context, history = train_model(
            _above(lossy, tiles.array), rule, recipe.others[CONTEXT], ("predict",), checkpoint=second, on_progress=progressed
        )
    kept = {"lowest": tables.lowest, "below": tables.below, "exponentials": exponentials(), "base_step": np.array(step)}
    kept["digest"] = picture_digest(net, preprocess)
    parts = {**file.parts, CONTEXT: Part.of_model(context), TABLES: Part("codec_tables", {}, kept)}
    return replace(file, parts=parts, histories={**file.histories, f"pixels/{CONTEXT}": history.__dict__})


def _above(lossy: Array, tiles: Array) -> ImageSet:
    """Return the training images of the network of pixels: each tile below the decoded version of its code."""
    return ImageSet(np.concatenate([lossy, tiles], axis=1))
