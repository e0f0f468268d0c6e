"""Arrays as constants of a graph."""

import torch
from torch import nn

from sablier.typing import Array


def constant(values: Array) -> nn.Parameter:
    """Return a copy of an array, which no optimizer changes."""
    return nn.Parameter(torch.from_numpy(values.copy()), requires_grad=False)
