"""AdamW: Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""

import torch

from sablier.training.config import FitConfig
from sablier.training.optimizers import register
from sablier.training.optimizers.adam import fused


@register(learning_rate=1e-3)
def adamw(parameters: list[torch.nn.Parameter], config: FitConfig) -> torch.optim.Optimizer:
    """Return AdamW; its beta2 is 0.99 where none is set."""
    betas = config.beta1, 0.99 if config.beta2 is None else config.beta2
    rate, decay = config.learning_rate, config.weight_decay
    return torch.optim.AdamW(parameters, rate, betas=betas, weight_decay=decay, fused=fused(parameters))
