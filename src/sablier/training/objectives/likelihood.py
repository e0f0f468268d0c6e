"""The likelihood of the next pixel."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log
from typing import Annotated, cast

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import Parameter
from torch.nn import functional as F

from sablier.errors import ConfigError
from sablier.limits import check_limits
from sablier.models.base import Model
from sablier.models.pixel_context import VALUES, PixelContext
from sablier.training.objectives.base import Loss
from sablier.transforms.batches import Batch


@dataclass(frozen=True)
class PixelLikelihood:
    """Bits to code the pixels of an image one after another, as a mean over some positions of each image.

    Args:
        places: how many positions of each image a step uses; they are the same for all images of a batch.
    """

    places: Annotated[int, Field(ge=1, le=1000000)] = 196

    def __post_init__(self) -> None:
        check_limits(self)

    def parameter_groups(self, model: Model) -> Mapping[str, list[Parameter]]:
        if "predict" not in model.capabilities:
            raise ConfigError(f"model {model.name} says nothing of the next pixel. Choose pixel_context.")
        return {"model": list(model.parameters())}

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        net = cast(PixelContext, model)
        every = net.height * net.across
        places = torch.randperm(every, device=batch.x.device)[: self.places]
        yield "model", _bits(net, batch, places), {}

    def validate(self, model: Model, batch: Batch) -> Tensor:
        net = cast(PixelContext, model)
        return _bits(net, batch, torch.arange(net.height * net.across, device=batch.x.device))


def _bits(net: PixelContext, batch: Batch, places: Tensor) -> Tensor:
    """Return the mean bits of a value at some positions."""
    values = (batch.x[:, :, -net.height :].flatten(2)[:, :, places] * 255).round().long()
    halves = zip(net.predict(batch.x, places), (values // VALUES, values % VALUES), strict=True)
    nats = sum(F.cross_entropy(logits.flatten(0, 2).float(), half.flatten()) for logits, half in halves)
    return cast(Tensor, nats) / log(2)
