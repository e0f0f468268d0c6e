"""Gradient descent with Nesterov momentum 0.9 (Polyak 1964; Nesterov 1983)."""

import torch

from sablier.training.config import FitConfig
from sablier.training.optimizers import register


@register(learning_rate=0.05)
def sgd(parameters: list[torch.nn.Parameter], config: FitConfig) -> torch.optim.Optimizer:
    """Return SGD."""
    decay = config.weight_decay
    return torch.optim.SGD(parameters, config.learning_rate, momentum=0.9, nesterov=True, weight_decay=decay)
