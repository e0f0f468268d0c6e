"""What all trainings share: preprocessing, the training of a network by its configuration, and provenance."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path

import torch

import sablier
from sablier.errors import ConfigError, ModelFileError, TooFewImages
from sablier.images.fingerprints import Fingerprints, fingerprints
from sablier.images.grouping import count_groups, counted_groups, joined_groups, with_repeats
from sablier.images.imageset import ImageSet
from sablier.images.looks import Looks
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile, Provenance
from sablier.models import Model, create_model
from sablier.recipes.config import NetworkConfig, Recipe
from sablier.recipes.tasks import USUAL
from sablier.training.loop import History, fit
from sablier.training.progress import Progress
from sablier.transforms.batches import Batches, choose_device
from sablier.typing import Array

NET = "net"
# The capabilities that a network needs for a task.
NEEDED = {
    "reconstruct": {"encode", "decode"},
    "denoise": {"reconstruct"},
    "generate": {"sample"},
    "compress": {"encode", "decode", "count_bits"},
}


def prepared(
    images: ImageSet,
    size: int,
    fewest: int,
    *,
    repeats: bool = True,
    near: bool = False,
    ignored: Array | None = None,
) -> tuple[Preprocess, ImageSet, Fingerprints]:
    """Choose the preprocessing from training images; return it, the dense images with their groups, and fingerprints.

    Args:
        size: longer side in pixels that photos are scaled to.
        fewest: the least number of images, and of groups.
        repeats: whether pixel-equal images are joined to groups.
        ignored: H,W, the pixels of the images that are left out, or None.
        near: whether near copies are joined as well, which guarantees need.

    Raises:
        TooFewImages: if fewer than `fewest` can be read, or they make fewer groups.
    """
    preprocess = Preprocess.for_images(images, size, ignored)
    dense = images.dense(preprocess)
    if len(dense) < fewest:
        raise TooFewImages(f"expected at least {fewest} images to train on, got {len(dense)} from {images.source}.")
    prints = fingerprints(dense, preprocess)
    if repeats:
        dense = with_repeats(dense, prints, near=near)
    if count_groups(dense) < fewest:
        raise TooFewImages(
            f"expected at least {fewest} groups of images to train on, got {counted_groups(dense)} from {images.source}. "
            "Images of one group (repeats of an image, or a group that was given) count once: add others."
        )
    return preprocess, dense, prints


def new_network(network: NetworkConfig, preprocess: Preprocess, member: int = 0) -> Model:
    """Return an untrained network; those of several members start from different weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(network.fit.seed + member)
        return create_model(network.model, (preprocess.height, preprocess.width, preprocess.channels), **network.options)


def train_model(
    images: ImageSet,
    preprocess: Preprocess,
    network: NetworkConfig,
    needed: Collection[str] = ("reconstruct",),
    *,
    validation: ImageSet | None = None,
    member: int = 0,
    checkpoint: Path | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_epoch: Callable[[int, Model], None] | None = None,
) -> tuple[Model, History]:
    """Train one network on dense images; return it, on the CPU and in eval mode, with its history.

    Raises:
        ConfigError: if the model lacks a `needed` capability.
    """
    config, model = network.fit, new_network(network, preprocess, member)
    lacking = set(needed) - model.capabilities
    if lacking:
        raise ConfigError(f"model {model.name} cannot do what this takes: it lacks {', '.join(sorted(lacking))}. Choose another.")
    device = choose_device(config.device)
    history = fit(
        model,
        Batches(images, preprocess, device),
        network.objective,
        config,
        validation=None if validation is None else Batches(validation, preprocess, device),
        checkpoint=checkpoint,
        on_progress=on_progress,
        on_epoch=on_epoch,
    )
    return model.cpu(), history


def network_of(file: ModelFile, task: str) -> Model:
    """Return the network of a model file that `train_network_file` made for a task.

    Raises:
        ModelFileError: if the file has another task, or lacks the network.
    """
    file.expect(task, USUAL[task])
    try:
        return file.parts[NET].to_model(*sorted(NEEDED.get(task, ())))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelFileError(f"the model file lacks a part of the network: {error}.") from error


def provenance(dense: ImageSet, recipe: Recipe, came: ImageSet, preprocess: Preprocess) -> Provenance:
    """Return the provenance of a model that was just trained on these images.

    Args:
        came: the images as they were read, whose statistics are kept.
    """
    return Provenance(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        sablier=sablier.__version__,
        torch=torch.__version__,
        source=dense.source,
        images=len(dense),
        groups=count_groups(dense),
        grouping="given" if dense.given_groups is not None else "found",
        joined_groups=joined_groups(dense),
        fingerprint=dense.fingerprint(),
        recipe=recipe.to_dict(),
        skipped=[f"{item.id}: {item.reason}" for item in dense.skipped],
        looks=Looks.of(came, preprocess),
    )
