"""What a batch costs, and whom it moves. A new idea is a new objective, never a new loop."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import Parameter

from sablier.errors import ConfigError
from sablier.models.base import Model
from sablier.transforms.batches import Batch
from sablier.transforms.corruptions import gaussian_noise, masked_blocks

Loss = tuple[str, Tensor, Mapping[str, Tensor]]


class Objective(Protocol):
    """What training minimises, and by moving which parameters.

    `players` names groups of parameters, each with an optimizer of its own; `losses` yields (player, scalar, parts)
    in turn, and the loop moves that player before it asks for the next.
    """

    def players(self, model: Model) -> Mapping[str, list[Parameter]]:
        """Return the named groups of parameters."""
        ...

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        """Yield what each player in turn minimises on this batch, with named parts for the history."""
        ...

    def validate(self, model: Model, batch: Batch) -> Tensor:
        """Return the mean loss of a validation batch, without any randomness."""
        ...


@dataclass(frozen=True)
class Reconstruction:
    """Mean squared error between an image and its reconstruction, optionally from a damaged copy of it.

    With `noise` or `mask` this is the denoising autoencoder (Vincent, Larochelle, Bengio and Manzagol 2008).

    Args:
        noise: largest standard deviation of the Gaussian noise added to the input; the target stays clean.
        mask: largest share of blocks of the input set to zero.
    """

    noise: float = 0.0
    mask: float = 0.0

    def __post_init__(self) -> None:
        for name, most in {"noise": 10.0, "mask": 1.0}.items():
            if not 0 <= getattr(self, name) <= most:
                raise ConfigError(f"expected {name} from 0 to {most:g}, got {getattr(self, name)}.")

    def players(self, model: Model) -> Mapping[str, list[Parameter]]:
        return {"model": list(model.parameters())}

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        x = batch.x
        if self.noise:
            x = gaussian_noise(x, self.noise)
        if self.mask:
            x = masked_blocks(x, self.mask)
        loss = mean_squared_error(model.reconstruct(x), batch.x)
        yield "model", loss, {}

    def validate(self, model: Model, batch: Batch) -> Tensor:
        return mean_squared_error(model.reconstruct(batch.x), batch.x)


def mean_squared_error(reconstruction: Tensor, target: Tensor) -> Tensor:
    """Return the mean of the squared differences, in float32.

    Raises:
        ValueError: where the shapes differ. A loss never broadcasts: N,28,28 against N,1,28,28 would silently compare
            every reconstruction with every image and teach the model the mean image.
    """
    if reconstruction.shape != target.shape:
        raise ValueError(f"a loss compares equal shapes, got {tuple(reconstruction.shape)} and {tuple(target.shape)}.")
    return torch.mean((reconstruction.float() - target.float()) ** 2)
