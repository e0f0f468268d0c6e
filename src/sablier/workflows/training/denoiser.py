"""Trains a denoiser on patches at the resolution of the images."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from sablier.errors import ConfigError, TooFewImages
from sablier.images.imageset import ImageSet
from sablier.images.patches import patches
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile
from sablier.recipes.config import Recipe
from sablier.tasks.denoise import TASK
from sablier.training.objectives import Denoising, NoisyOnly
from sablier.workflows.training.forecast import Forecast, OnProgress, unheard
from sablier.workflows.training.network_file import train_network_file

NOISY_ONLY = "denoiser-noisy-only"
MOST_PATCHES = 20_000
MOST_RANGED = 5000  # images to estimate black and white from


def train_denoiser(
    images: ImageSet,
    recipe: Recipe,
    *,
    checkpoints: Iterable[Path | None] = (),
    on_progress: OnProgress = unheard,
) -> ModelFile:
    """Train a denoiser and return its model file.

    Photos are cut into patches of `recipe.size` pixels a side. They are not scaled, since that would change their noise.
    Training noise is clipped as the type of the images would clip it; floats are not clipped.

    Raises:
        TooFewImages: if no image can be read.
        ConfigError: if the recipe trains on noisy images alone and these are integers, whose noise is clipped.
    """
    seen_once = round(recipe.fit.megapixels * 1e6 / recipe.size**2)
    cut = patches(images, recipe.size, min(MOST_PATCHES, seen_once), recipe.fit.seed)
    if not len(cut):
        raise TooFewImages(f"expected at least one image to train on, got none from {images.source}.")
    preprocess = Preprocess.for_images(cut, recipe.size)
    whole_numbers = preprocess.dtype != "float32"
    if isinstance(recipe.objective, NoisyOnly) and whole_numbers:
        raise ConfigError(
            f"learning from noisy images alone needs noise that is not clipped: expected floats, got {preprocess.dtype} from "
            f"{images.source}. Pass the measured values as a float .npy or .npz, or train on clean images."
        )
    if isinstance(recipe.objective, NoisyOnly):
        black, white = _range_without_noise(cut)
        preprocess = preprocess.model_copy(update={"black": black, "white": white})
    if isinstance(recipe.objective, Denoising):
        recipe = replace(recipe, objective=replace(recipe.objective, clip=recipe.objective.clip and whole_numbers))
    forecast = Forecast(on_progress)
    return train_network_file(TASK, cut, preprocess, recipe, checkpoints, forecast, came=images, nouns="images or patches")


def denoiser_recipe(recipe: str | None, noisy_only: bool, otherwise: str = "denoiser") -> str:
    """Return the name of the recipe, which is another one for training on noisy images alone.

    Args:
        recipe: the name that was given, if any.
        otherwise: the default.

    Raises:
        ConfigError: if `noisy_only` comes with a recipe that is no denoiser.
    """
    if not noisy_only:
        return recipe or otherwise
    if recipe not in (None, "denoiser", NOISY_ONLY):
        raise ConfigError(f"expected the recipe denoiser with noisy_only, got {recipe}. Leave one of the two out.")
    return NOISY_ONLY


def _range_without_noise(images: ImageSet) -> tuple[float, float]:
    """Return about the darkest and the brightest value of noisy images: quantiles of means over 4 x 4 pixels."""
    pixels = torch.from_numpy(np.array(images.array[:MOST_RANGED])).permute(0, 3, 1, 2)
    low, high = np.quantile(F.avg_pool2d(pixels, 4, ceil_mode=True).numpy(), (0.01, 0.99)).tolist()
    return (low, high) if low < high else (low, low + 1.0)
