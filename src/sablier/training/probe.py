"""The start-up probe: does bfloat16 pay on this machine, for this model?"""

import time

import torch

from sablier.models.base import Model
from sablier.training.objectives import Objective
from sablier.transforms.batches import Batch

WORTH_PROBING = 100_000_000  # pixels seen in training below which the probe would cost more than it gains
NEEDED_SPEEDUP = 1.15  # clearly faster, so that noise in the timing does not decide
TOLERANCE = 0.02  # largest relative difference between the two losses
SECONDS_EACH = 0.5


def choose_dtype(model: Model, objective: Objective, batch: Batch, total_steps: int) -> torch.dtype:
    """Return bfloat16 where a short trial shows it at least 1.15 times as fast as float32 and equal within 2 %.

    Weights, gradients and random state are left as they were. Training short of 10^8 pixels takes float32 untried.
    """
    if total_steps * batch.x.numel() < WORTH_PROBING:
        return torch.float32
    seconds, losses = {}, {}
    for dtype in (torch.float32, torch.bfloat16):
        times: list[float] = []
        end = time.perf_counter() + SECONDS_EACH
        while time.perf_counter() < end or len(times) < 3:
            start = time.perf_counter()
            losses[dtype] = _trial(model, objective, batch, dtype)
            times.append(time.perf_counter() - start)
        seconds[dtype] = min(times)
    exact, rounded = losses[torch.float32], losses[torch.bfloat16]
    equal = abs(rounded - exact) <= TOLERANCE * abs(exact) + 1e-6
    faster = seconds[torch.float32] >= NEEDED_SPEEDUP * seconds[torch.bfloat16]
    return torch.bfloat16 if equal and faster else torch.float32


def _trial(model: Model, objective: Objective, batch: Batch, dtype: torch.dtype) -> float:
    """Return the loss of one forward and backward pass of every player, moving nothing."""
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
