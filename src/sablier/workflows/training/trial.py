"""Timed steps of training on this machine, to estimate the time of all of it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models import Model
from sablier.recipes.config import NetworkConfig
from sablier.training.checkpoint import Checkpoint
from sablier.training.loop import MOST_VALIDATIONS, fit
from sablier.training.probe import choose_dtype
from sablier.transforms.batches import Batches, choose_device
from sablier.workflows.training.forecast import Stage
from sablier.workflows.training.network import new_network

Counts = Callable[[list[float]], float]


class Trial:
    """A network that is trained for a few passes over a few batches.

    Args:
        network: what is trained, and how.
        images: dense training images.
        steps: batches per pass.
        passes: how many are timed, after one to warm up.
    """

    def __init__(self, network: NetworkConfig, images: ImageSet, preprocess: Preprocess, steps: int = 1, passes: int = 3) -> None:
        self.network, self.preprocess, self.images, self.passes = network, preprocess, len(images), passes
        self.plan = network.fit.plan(len(images), preprocess.height * preprocess.width)
        self.size = -(-len(images) // self.plan.steps_per_epoch)  # batches of an epoch are equal
        self.device = choose_device(network.fit.device)
        some = images.take(np.arange(min(len(images), steps * self.size)))
        self.batches = Batches(some, preprocess, self.device)
        self.dtype: Any = self._faster() if network.fit.dtype == "auto" else network.fit.dtype
        self.trained: Model | None = None
        self._in_all: float | None = None

    def seconds_per_epoch(self, options: Mapping[str, Any] | None = None, counts: Counts = median) -> float:
        """Return the seconds of an epoch with these options of the model; `counts` aggregates the timed passes."""
        network = replace(self.network, options={**self.network.options, **(options or {})})
        config = replace(
            network.fit, epochs=1 + self.passes, batch_size=self.size, dtype=self.dtype, compile=False, profile=False
        )
        self.trained = new_network(network, self.preprocess)
        rows = fit(self.trained, self.batches, network.objective, config).rows
        self.trained.cpu()
        # The first pass warms up; one of the others may have been disturbed.
        seconds = [after["seconds"] - before["seconds"] for before, after in pairwise(rows)]
        return counts(seconds) * self.images / len(self.batches)

    def seconds_in_all(self, validated: int = 0) -> float:
        """Return the seconds of the whole training, with validations on so many images; times are measured once."""
        if self._in_all is None:
            self._in_all = self.plan.epochs * self.seconds_per_epoch() + self._seconds_of_validations(validated)
        return self._in_all

    def _seconds_of_validations(self, images: int) -> float:
        if self.trained is None or not images:
            return 0.0
        sample, start = self.batches.take(slice(0, 2 * self.size)), time.perf_counter()
        with torch.no_grad():
            self.network.objective.validate(self.trained.to(self.device), sample).item()
        self.trained.cpu()
        return (time.perf_counter() - start) * images / len(sample.x) * min(self.plan.epochs, MOST_VALIDATIONS)

    def _faster(self) -> str:
        sample = self.batches.take(torch.arange(min(self.size, len(self.batches)), device=self.device))
        model = new_network(self.network, self.preprocess).to(self.device)
        model.initialise(sample.x, self.network.fit.seed)
        steps = self.plan.epochs * self.plan.steps_per_epoch
        return str(choose_dtype(model, self.network.objective, sample, steps)).removeprefix("torch.")


def expected_training(trial: Trial, name: str, validated: int = 0, checkpoint: Path | None = None) -> Stage:
    """Return how long the network of a trial is expected to train, after a few steps of it.

    Args:
        name: of the stage.
        validated: how many images the loss is reported on.
        checkpoint: if it exists, what an earlier run has done is subtracted.
    """
    done = Checkpoint.load(checkpoint).epoch / trial.plan.epochs if checkpoint and checkpoint.exists() else 0.0
    return Stage(name, trial.seconds_in_all(validated), trial.network.model, min(1.0, done))
