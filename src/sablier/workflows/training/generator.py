"""Trains a generator of images against a discriminator (GAN), with a sheet of samples during training."""

import time
from collections.abc import Iterable
from pathlib import Path

import torch

from sablier.files import write_whole
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.models.base import Model
from sablier.recipes.config import Recipe
from sablier.workflows.training.forecast import Forecast, OnProgress, unheard
from sablier.workflows.training.network import NET, prepared
from sablier.workflows.training.network_file import train_network_file

TASK = "generate"
FEWEST = 2
ROWS, COLUMNS = 8, 12  # of the sheet
REFRESH_SECONDS = 15.0
SAME_DRAW = 0  # seed of the sheet's codes, the same each time, so that changes show


def train_generator(
    images: ImageSet,
    recipe: Recipe,
    *,
    checkpoints: Iterable[Path | None] = (),
    on_progress: OnProgress = unheard,
    picture: Path | None = None,
) -> ModelFile:
    """Train a generator and its discriminator on images and return their model file.

    Args:
        picture: a PNG of samples from the same 96 codes, with averaged weights: at the end of an epoch, at most every 15
            seconds, and at the end of training.

    Raises:
        TooFewImages: for fewer than 2 images.
    """
    preprocess, dense, prints = prepared(images, recipe.size, FEWEST)
    drawn_at = -REFRESH_SECONDS

    def on_epoch(epoch: int, model: Model) -> None:
        nonlocal drawn_at
        if picture and time.monotonic() - drawn_at > REFRESH_SECONDS:
            write_whole(picture, sheet_of_samples(model))
            drawn_at = time.monotonic()

    forecast = Forecast(on_progress)
    file = train_network_file(TASK, dense, preprocess, recipe, checkpoints, forecast, prints, came=images, on_epoch=on_epoch)
    if picture:
        write_whole(picture, sheet_of_samples(file.parts[NET].to_model()))
    return file


@torch.no_grad()
def sheet_of_samples(model: Model, rows: int = ROWS, columns: int = COLUMNS) -> bytes:
    """Return a PNG of samples from codes that are the same each time."""
    # Plotting is imported only when needed.
    from sablier.report.figures import sheet

    drawn = model.sample(rows * columns, torch.Generator().manual_seed(SAME_DRAW))
    return sheet(drawn.permute(0, 2, 3, 1).cpu().numpy(), columns=columns)
