"""The start-up probe: whether bfloat16 is faster on this machine for this model."""

import time

import torch

from sablier.models.base import Model
from sablier.training.objectives import Objective
from sablier.transforms.batches import Batch

WORTH_PROBING = 200  # steps of training below which the probe would cost more than it gains
NEEDED_SPEEDUP = 1.15  # clearly faster, so that noise in the timing does not decide
TOLERANCE = 0.02  # largest relative difference between the two losses
TRIALS = 5  # of each type, in turn; the first warms up, the fastest of the others counts


def choose_dtype(model: Model, objective: Objective, batch: Batch, total_steps: int) -> torch.dtype:
    """Return bfloat16 if ten trial steps show it at least 1.15 times as fast as float32 and equal within 2 %.

    Weights, buffers, gradients and random state are not changed. Training of fewer than 200 steps uses float32 without a
    probe.
    """
    if total_steps < WORTH_PROBING:
        return torch.float32
    seconds: dict[torch.dtype, list[float]] = {torch.float32: [], torch.bfloat16: []}
    losses = {}
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    for _ in range(TRIALS):
        for dtype, times in seconds.items():
            start = time.perf_counter()
            losses[dtype] = _trial(model, objective, batch, dtype)
            times.append(time.perf_counter() - start)
    for name, buffer in model.named_buffers():
        buffer.copy_(buffers[name])
    exact, rounded = losses[torch.float32], losses[torch.bfloat16]
    equal = abs(rounded - exact) <= TOLERANCE * abs(exact) + 1e-6
    faster = min(seconds[torch.float32][1:]) >= NEEDED_SPEEDUP * min(seconds[torch.bfloat16][1:])
    return torch.bfloat16 if equal and faster else torch.float32


def _trial(model: Model, objective: Objective, batch: Batch, dtype: torch.dtype) -> float:
    """Return the loss of one forward and backward pass of every parameter group, without an update."""
    total = 0.0
    with torch.random.fork_rng():
        torch.manual_seed(0)
        with torch.autocast(batch.x.device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
            losses = [loss for _, loss, _ in objective.losses(model, batch)]
        for loss in losses:
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.item()
    model.zero_grad(set_to_none=True)
    return total
