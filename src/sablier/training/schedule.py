"""The schedule of the learning rate."""

import math

from sablier.training.config import FitConfig


def share_of_rate(config: FitConfig, total: int, step: int) -> float:
    """Return the learning rate at a step of `total` as a share of its peak."""
    if config.schedule == "constant":
        return 1.0
    rise = max(1.0, config.warmup * total)
    if config.schedule == "linear":
        return min((step + 1) / (rise + 1), max(1e-4, (total - step) / max(1.0, total - rise)))
    if step < rise:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * step / rise)) / 2
    return 1e-4 + (1 - 1e-4) * (1 + math.cos(math.pi * min(1.0, (step - rise) / max(1.0, total - rise)))) / 2
