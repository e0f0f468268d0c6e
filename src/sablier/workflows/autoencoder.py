"""A plain autoencoder: draws images again from what its network keeps of them."""

from collections.abc import Iterable
from pathlib import Path

from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.tasks.reconstruct import TASK
from sablier.training.recipe import Recipe
from sablier.workflows.network import OnProgress, prepared, train_network_file

FEWEST = 2


def train_autoencoder(
    images: ImageSet,
    recipe: Recipe,
    *,
    checkpoints: Iterable[Path | None] = (),
    on_progress: OnProgress = lambda stage, progress: None,
) -> ModelFile:
    """Train an autoencoder on images and return its model file, for encoding, decoding and reconstructing.

    Raises:
        TooFewImages: for fewer than 2 images.
    """
    preprocess, dense = prepared(images, recipe, FEWEST)
    return train_network_file(TASK, dense, preprocess, recipe, checkpoints, on_progress)
