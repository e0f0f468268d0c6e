"""Adam: the mean gradient divided by the root of its mean square (Kingma and Ba 2015)."""

import torch

from sablier.training.config import FitConfig
from sablier.training.optimizers import register


@register(learning_rate=1e-3)
def adam(parameters: list[torch.nn.Parameter], config: FitConfig) -> torch.optim.Optimizer:
    """Return Adam; its beta2 is 0.999 if none is set."""
    betas = config.beta1, 0.999 if config.beta2 is None else config.beta2
    rate, decay = config.learning_rate, config.weight_decay
    return torch.optim.Adam(parameters, rate, betas=betas, weight_decay=decay, fused=fused(parameters))


def fused(parameters: list[torch.nn.Parameter]) -> bool:
    """Return whether torch can update all parameters in one kernel on their device."""
    return parameters[0].device.type in ("cpu", "cuda")
