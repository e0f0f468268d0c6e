"""RMSprop: the gradient divided by the root of its recent mean square (Tieleman and Hinton 2012)."""

import torch

from sablier.training.config import FitConfig
from sablier.training.optimizers import register


@register(learning_rate=1e-3)
def rmsprop(parameters: list[torch.nn.Parameter], config: FitConfig) -> torch.optim.Optimizer:
    """Return RMSprop with its authors' decay 0.9, as in Keras.

    With torch's 0.99 the first step is ten times too long and can leave every ReLU at zero.
    """
    return torch.optim.RMSprop(parameters, config.learning_rate, alpha=0.9, eps=1e-7, weight_decay=config.weight_decay)
