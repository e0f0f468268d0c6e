"""The training loop. All randomness of an epoch comes from (seed, epoch), so a resumed run gives the same bits."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import BatchNorm2d
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.profiler import record_function

from sablier.errors import ConfigError, Interrupted, TooFewImages, TrainingDiverged
from sablier.models.base import Model
from sablier.training.checkpoint import Checkpoint
from sablier.training.config import FitConfig
from sablier.training.objectives import Objective
from sablier.training.optimizers import OPTIMIZERS
from sablier.training.probe import choose_dtype
from sablier.training.profile import StepProfile
from sablier.training.progress import Progress
from sablier.training.schedule import share_of_rate
from sablier.transforms.batches import Batches, choose_device

MOST_VALIDATIONS = 100  # a run of more epochs validates only every so many
CHECKPOINT_SECONDS = 5.0
COMPILED = ("reconstruct", "denoise", "classify", "inpaint")  # methods that objectives call


@dataclass
class History:
    """The history of a training: a row per recorded epoch, and what it was computed with."""

    rows: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    dtype: str = "float32"
    device: str = "cpu"
    threads: int = 1
    profile: list[dict[str, Any]] = field(default_factory=list)


def fit(
    model: Model,
    batches: Batches,
    objective: Objective,
    config: FitConfig,
    *,
    validation: Batches | None = None,
    checkpoint: Path | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_epoch: Callable[[int, Model], None] | None = None,
) -> History:
    """Train a model in place.

    Args:
        model: starts from its present weights after `model.initialise(images)`, and ends in eval mode with the moving
            average of its weights (the last weights if `config.ema` is 0).
        batches: the training images.
        objective: what to minimise.
        config: epochs, optimizer, seed and so on.
        validation: held-out images, whose loss is recorded and decides nothing.
        checkpoint: a file to resume from if it exists, and to keep up to date; it is not removed.
        on_progress: called after every step.
        on_epoch: called after a recorded epoch with its number, from 1, and the model as it would be saved then, to read
            only.

    Returns:
        The losses by epoch, the seconds, and what it was computed with.

    Raises:
        TooFewImages: if there is no training image.
        TrainingDiverged: if the loss is not finite.
        Interrupted: on Ctrl-C, after the checkpoint is written.

    Examples:
        >>> from sablier.training.objectives import Reconstruction
        >>> from sablier import FitConfig, Preprocess, create_model, fit, load_dataset
        >>> batches = Batches(load_dataset("digits"), Preprocess(height=8, width=8, channels=1))
        >>> len(fit(create_model("bottleneck", (8, 8, 1)), batches, Reconstruction(), FitConfig(epochs=1)).rows)
        1
    """
    if len(batches) < 1:
        raise TooFewImages("expected at least one image to train on, got none.")
    run = _Run(model, batches, objective, config, validation, checkpoint, on_epoch)
    with _settings(config) as threads:
        run.history.threads = threads
        run.start()
        try:
            for progress in run.steps():
                on_progress(progress)
        except KeyboardInterrupt:
            where = f"The work so far is in {checkpoint}; run the same command with --resume." if run.save() else ""
            raise Interrupted(f"training was stopped in epoch {run.epoch + 1} of {run.epochs}. {where}") from None
        finally:
            run.clear()
        run.finish()
    return run.history


class _Run:
    """The state of a training run: what a checkpoint keeps, and how the next step is taken."""

    def __init__(
        self,
        model: Model,
        batches: Batches,
        objective: Objective,
        config: FitConfig,
        validation: Batches | None,
        checkpoint: Path | None,
        on_epoch: Callable[[int, Model], None] | None,
    ) -> None:
        self.model, self.batches, self.objective, self.config = model, batches, objective, config
        self.validation, self.path, self.on_epoch = validation, checkpoint, on_epoch
        self.batch_size, self.per_epoch, self.epochs = config.plan(len(batches), math.prod(model.shape[:2]))
        self.total = self.epochs * self.per_epoch
        self.epoch = 0
        self.history = History(device=str(batches.pixels.device))
        self.optimizers: dict[str, Optimizer] = {}
        self.schedules: dict[str, LambdaLR] = {}
        self.average: dict[str, Tensor] = {}
        self.fingerprint = sha256(batches.pixels.cpu().numpy().data).hexdigest() if checkpoint else ""
        self.profile = StepProfile() if config.profile else None
        self.snapshot: Checkpoint | None = None
        self.saved_at = time.monotonic()

    def start(self) -> None:
        """Resume from the checkpoint if there is one, otherwise initialise; choose the arithmetic."""
        device = self.batches.pixels.device
        resumed = Checkpoint.load(self.path) if self.path and self.path.exists() else None
        if resumed is None:
            some = torch.randperm(len(self.batches), generator=torch.Generator().manual_seed(self.config.seed))[:5000]
            self.model.to(device).initialise(self.batches.take(some.to(device)).x, self.config.seed)
        self.model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for name, parameters in self.objective.parameter_groups(self.model).items():
            self.optimizers[name] = OPTIMIZERS[self.config.optimizer].make(parameters, self.config)
            self.schedules[name] = LambdaLR(self.optimizers[name], partial(share_of_rate, self.config, self.total))
        if self.config.ema:
            if any(isinstance(module, BatchNorm2d) for module in self.model.modules()):
                raise ConfigError(
                    f"expected ema=0 for {self.model.name}: averages of weights do not fit its batch normalisation."
                )
            self.average = {name: value.detach().clone() for name, value in self.model.named_parameters()}
        if resumed is not None:
            self._restore(resumed)
        elif self.config.dtype == "auto":
            sample = self.batches.take(slice(0, self.batch_size))
            self.history.dtype = str(choose_dtype(self.model, self.objective, sample, self.total)).removeprefix("torch.")
        else:
            self.history.dtype = self.config.dtype
        self.snapshot = self._state() if self.path else None
        if self.config.compile:
            for name in COMPILED:
                mode = "reduce-overhead" if device.type == "cuda" else "default"
                setattr(self.model, name, torch.compile(getattr(self.model, name), mode=mode))

    def steps(self) -> Iterator[Progress]:
        """Take all remaining steps."""
        if self.profile:
            self.profile.start()
        while self.epoch < self.epochs:
            started = time.perf_counter()
            losses: dict[str, Tensor] = {}
            for done in self._epoch(losses):
                yield Progress(self.epoch * self.per_epoch + done, self.total)
            row = {"epoch": self.epoch + 1, **{name: value.item() / self.per_epoch for name, value in losses.items()}}
            if not all(map(math.isfinite, row.values())):
                raise TrainingDiverged(
                    f"the loss became infinite or not a number in epoch {self.epoch + 1}. "
                    f"Lower the learning rate, for example --set learning_rate={self.config.learning_rate / 3:.1g}."
                )
            self.epoch += 1
            self.history.seconds += time.perf_counter() - started
            if self.epoch % max(1, self.epochs // MOST_VALIDATIONS) == 0 or self.epoch == self.epochs:
                if self.validation is not None and len(self.validation):
                    row["validation_loss"] = self._validate(self.validation)
                row["learning_rate"] = next(iter(self.optimizers.values())).param_groups[0]["lr"]
                row["seconds"] = self.history.seconds
                self.history.rows.append(row)
                if self.on_epoch:
                    self.model.eval()
                    with _weights(self.model, self.average):
                        self.on_epoch(self.epoch, self.model)
                yield Progress(self.epoch * self.per_epoch, self.total, row)
            if self.path:
                self.snapshot = self._state()
                if time.monotonic() - self.saved_at > CHECKPOINT_SECONDS or self.epoch == self.epochs:
                    self.save()

    def _epoch(self, losses: dict[str, Tensor]) -> Iterator[int]:
        torch.manual_seed(_seed_of(self.config.seed, self.epoch))
        self.model.train()
        order = torch.randperm(len(self.batches)).to(self.batches.pixels.device)
        device_type = order.device.type
        # Equal batches: a small last batch would have other statistics for normalisation, and a single image has none.
        for step, indices in enumerate(torch.tensor_split(order, self.per_epoch), 1):
            with record_function("batch"):
                batch = self.batches.take(indices, self.epoch)
            with torch.autocast(device_type, torch.bfloat16, enabled=self.history.dtype == "bfloat16"):
                losses_in_turn = self.objective.losses(self.model, batch)
                while True:
                    with record_function("forward"):
                        found = next(losses_in_turn, None)
                    if found is None:
                        break
                    group, loss, parts = found
                    self._move(group, loss)
                    for name, value in {f"{group}_loss" if group != "model" else "loss": loss, **parts}.items():
                        losses[name] = losses.get(name, torch.zeros((), device=loss.device)) + value.detach()
            # Once per batch, however often its parameters moved in it: the rate is then a function of the step, also when
            # resumed.
            for schedule in self.schedules.values():
                schedule.step()
            if self.average:
                live = dict(self.model.named_parameters())
                taken = self.epoch * self.per_epoch + step
                # At first the average forgets faster, so that a short run does not end with outdated weights.
                decay = min(self.config.ema, (1 + taken) / (10 + taken))
                with record_function("average of weights"):
                    torch._foreach_lerp_(list(self.average.values()), [live[name].data for name in self.average], 1 - decay)
            if self.profile:
                self.profile.step()
            yield step

    def _move(self, group: str, loss: Tensor) -> None:
        optimizer = self.optimizers[group]
        optimizer.zero_grad(set_to_none=True)
        with record_function("backward"):
            loss.backward()  # type: ignore[no-untyped-call]
        with record_function("optimizer"):
            if self.config.gradient_clip:
                torch.nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], self.config.gradient_clip)
            optimizer.step()

    @torch.no_grad()
    def _validate(self, validation: Batches) -> float:
        self.model.eval()
        with _weights(self.model, self.average):
            losses = [
                self.objective.validate(self.model, batch).item() * len(batch.x)
                for batch in validation.in_order(2 * self.batch_size)
            ]
        return sum(losses) / len(validation)

    def clear(self) -> None:
        """Remove compiled methods, and keep the rows of the profile."""
        for name in COMPILED:
            vars(self.model).pop(name, None)
        if self.profile:
            self.profile.stop()
            self.history.profile = self.profile.rows

    def finish(self) -> None:
        """Set the averaged weights, in eval mode."""
        if self.average:
            with torch.no_grad():
                for name, value in self.model.named_parameters():
                    value.copy_(self.average[name])
        self.model.eval()

    def save(self) -> bool:
        """Write the state at the end of the last whole epoch; return whether there is a checkpoint."""
        if self.path is None or self.snapshot is None:
            return False
        self.snapshot.save(self.path)
        self.saved_at = time.monotonic()
        return True

    def _state(self) -> Checkpoint:
        return Checkpoint.of(
            epoch=self.epoch,
            model=self.model.state_dict(),
            average=self.average,
            optimizers={name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            history=self.history.__dict__,
            identity=self._identity(),
        )

    def _identity(self) -> dict[str, Any]:
        """What must be equal for a run to be resumed."""
        return {
            "model": self.model.name,
            "config": self.model.config,
            "fit": {key: value for key, value in self.config.__dict__.items() if key not in ("device", "threads", "profile")},
            "objective": f"{self.objective}",
            "images": self.fingerprint,
            "range": [self.batches.black, self.batches.scale],
        }

    def _restore(self, checkpoint: Checkpoint) -> None:
        checkpoint.check(self._identity())
        self.model.load_state_dict(checkpoint.model)
        live = dict(self.model.named_parameters())
        self.average = {name: _laid_out(value, live[name]) for name, value in checkpoint.average.items()}
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(checkpoint.optimizers[name])
            for parameter, state in optimizer.state.items():
                state |= {key: _laid_out(value, parameter) for key, value in state.items() if torch.is_tensor(value)}
        self.epoch = checkpoint.epoch
        for schedule in self.schedules.values():
            schedule.last_epoch = self.epoch * self.per_epoch
        self.history = History(**checkpoint.history)


def _seed_of(seed: int, epoch: int) -> int:
    """Return the seed of an epoch: unrelated to that of the next, and the same in every version of Python and NumPy.

    >>> _seed_of(0, 1)
    3964924996
    """
    return int(np.random.SeedSequence((seed, epoch)).generate_state(1)[0])


def _laid_out(value: Tensor, parameter: Tensor) -> Tensor:
    """Return a copy of `value` in the memory layout of its parameter, as fused optimizers need it."""
    return torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value.clone()


@contextmanager
def _weights(model: Model, average: Mapping[str, Tensor]) -> Iterator[None]:
    """Use the averaged weights in place of the live ones."""
    live = {name: value.data for name, value in model.named_parameters()}
    for name, value in model.named_parameters():
        value.data = average.get(name, value.data)
    try:
        yield
    finally:
        for name, value in model.named_parameters():
            value.data = live[name]


@contextmanager
def _settings(config: FitConfig) -> Iterator[int]:
    """Run with the configured threads and a separate random state; restore both afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(config.threads or before)
    cuda = choose_device(config.device).type == "cuda"
    try:
        with torch.random.fork_rng(devices=None if cuda else []):
            yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)
