"""Reconstruction of images from corrupted or moved copies of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from torch import Tensor
from torch.nn import Parameter

from sablier.limits import check_limits
from sablier.models.base import Model
from sablier.training.objectives.base import Loss, mean_squared_error
from sablier.transforms.affine import moved
from sablier.transforms.batches import Batch
from sablier.transforms.corruptions import gaussian, masked_blocks, random_levels


@dataclass(frozen=True)
class Reconstruction:
    """Mean squared error between an image and its reconstruction, optionally from a corrupted or moved copy.

    With `noise` or `mask` this is the denoising autoencoder (Vincent, Larochelle, Bengio and Manzagol 2008). With the other
    options, the copy is moved and the target is not. Copies that differ only in position have the same target, so the code
    describes content and not position.

    Args:
        noise: largest standard deviation of Gaussian noise on the input; the target stays clean.
        mask: largest share of blocks of the input that are set to zero.
        turn, shift, scale, shear: how far the input is moved, as in `transforms.affine.moved`.
    """

    noise: Annotated[float, Field(ge=0, le=10)] = 0.0
    mask: Annotated[float, Field(ge=0, le=1)] = 0.0
    turn: Annotated[float, Field(ge=0, le=180)] = 0.0
    shift: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    scale: Annotated[float, Field(ge=0, le=1)] = 0.0
    shear: Annotated[float, Field(ge=0, le=1)] = 0.0

    def __post_init__(self) -> None:
        check_limits(self)

    def parameter_groups(self, model: Model) -> Mapping[str, list[Parameter]]:
        return {"model": list(model.parameters())}

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        loss = mean_squared_error(model.reconstruct(self.damaged(batch.x)), batch.x)
        yield "model", loss, {}

    def damaged(self, x: Tensor) -> Tensor:
        """Return N,C,H,W images as the model gets them in training."""
        if self.turn or self.shift or self.scale or self.shear:
            x = moved(x, self.turn, self.shift, self.scale, self.shear)
        if self.noise:
            x = gaussian(x, random_levels(x, 0, self.noise))
        if self.mask:
            x = masked_blocks(x, self.mask)
        return x

    def validate(self, model: Model, batch: Batch) -> Tensor:
        return mean_squared_error(model.reconstruct(batch.x), batch.x)
