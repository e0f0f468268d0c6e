"""A denoiser: trained on patches at the images' own resolution, used on images of any size."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from sablier.errors import ConfigError, TooFewImages
from sablier.images.imageset import ImageSet
from sablier.images.patches import patches
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile
from sablier.training.objectives import Denoising, NoisyOnly
from sablier.training.recipes import Recipe
from sablier.workflows.network import OnProgress, train_network_file

TASK = "denoise"
MOST_PATCHES = 20_000


def train_denoiser(
    images: ImageSet,
    recipe: Recipe,
    *,
    checkpoints: Iterable[Path | None] = (),
    on_progress: OnProgress = lambda stage, progress: None,
) -> ModelFile:
    """Train a denoiser and return its model file.

    Photos are cut into patches of `recipe.size` pixels a side; they are never scaled, since that would change their noise.
    Training noise is clipped as the images' type would clip it: floats are not.

    Raises:
        TooFewImages: where no image can be read.
        ConfigError: for images of whole numbers where the recipe learns from noisy images alone: their noise is clipped.
    """
    cut = patches(images, recipe.size, MOST_PATCHES, recipe.fit.seed)
    if not len(cut):
        raise TooFewImages(f"expected at least one image to learn from, got none from {images.source}.")
    preprocess = Preprocess.for_images(cut, recipe.size)
    whole_numbers = preprocess.dtype != "float32"
    if isinstance(recipe.objective, NoisyOnly) and whole_numbers:
        raise ConfigError(
            f"learning from noisy images alone needs noise that is not clipped: expected floats, got {preprocess.dtype} from "
            f"{images.source}. Pass the measured values as a float .npy or .npz, or train on clean images."
        )
    if isinstance(recipe.objective, Denoising):
        recipe = replace(recipe, objective=replace(recipe.objective, clip=recipe.objective.clip and whole_numbers))
    return train_network_file(TASK, cut, preprocess, recipe, checkpoints, on_progress)
