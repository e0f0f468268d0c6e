"""What members do otherwise while torch traces them, as `torch.export` does to write their computation to a file.

A traced program has no data: its tensors are placeholders, the number of images stays open, and only operations with a
counterpart in ONNX can be written. So caches keep NumPy arrays, since a tensor that is made meanwhile is a placeholder, too.
"""

import torch
from torch import Tensor


def tracing() -> bool:
    """Return whether torch is tracing the caller."""
    return bool(torch.compiler.is_compiling())


def at_most(count: int, x: Tensor) -> tuple[Tensor, ...]:
    """Return the rows of x in parts of at most `count`, so that memory stays bounded; all together while torch is tracing.

    >>> [len(part) for part in at_most(2, torch.zeros(5, 3))]
    [2, 2, 1]
    """
    return (x,) if tracing() else torch.split(x, count)
