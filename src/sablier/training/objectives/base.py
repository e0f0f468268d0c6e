"""The protocol of objectives, and the squared error that most of them use."""

from collections.abc import Iterator, Mapping
from dataclasses import Field
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor
from torch.nn import Parameter

from sablier.models.base import Model
from sablier.transforms.batches import Batch

Loss = tuple[str, Tensor, Mapping[str, Tensor]]


class Objective(Protocol):
    """The losses that training minimises, and the parameters that they update.

    `parameter_groups` names groups of parameters, each with its own optimizer. `losses` yields (group, scalar, parts) in
    turn, and the loop updates that group before it asks for the next loss. The fields are settings.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def parameter_groups(self, model: Model) -> Mapping[str, list[Parameter]]:
        """Return the named groups of parameters."""
        ...

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        """Yield the loss of each parameter group in turn on this batch, with named parts for the history."""
        ...

    def validate(self, model: Model, batch: Batch) -> Tensor:
        """Return the mean loss of a validation batch, without randomness."""
        ...


def mean_squared_error(reconstruction: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared difference, in float32.

    Raises:
        ValueError: if the shapes differ. Broadcasting N,28,28 against N,1,28,28 would silently compare every reconstruction
            with every image.
    """
    if reconstruction.shape != target.shape:
        raise ValueError(f"a loss compares equal shapes, got {tuple(reconstruction.shape)} and {tuple(target.shape)}.")
    return torch.mean((reconstruction.float() - target.float()) ** 2)
