"""Classification of transformations."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import Parameter
from torch.nn import functional as F

from sablier.limits import check_limits
from sablier.models.base import Model
from sablier.training.objectives.base import Loss
from sablier.transforms.batches import Batch
from sablier.transforms.geometry import Geometry


@dataclass(frozen=True)
class TransformationPrediction:
    """Cross-entropy of how an image was turned, mirrored and shifted (Golan and El-Yaniv 2018).

    Only a network that knows what the images look like can classify these; on other images the predictions fail. A linear
    head for orientations and one for shifts share the network (Hendrycks, Mazeika, Kadavath and Song 2019).

    Args:
        shift: by how much an image is shifted, a share of each side.
    """

    shift: Annotated[float, Field(gt=0, le=0.5)] = 0.2

    def __post_init__(self) -> None:
        check_limits(self)

    def parameter_groups(self, model: Model) -> Mapping[str, list[Parameter]]:
        return {"model": list(model.parameters())}

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        geometry = self._geometry(batch.x)
        x = batch.x.repeat(2, 1, 1, 1) if len(batch.x) == 1 else batch.x  # a single image has no spread to normalise by
        drawn = [torch.randint(len(table), (len(x),), device=x.device) for table in geometry]
        yield "model", self._error(model, geometry, x, *drawn), {}

    def validate(self, model: Model, batch: Batch) -> Tensor:
        """Return the same, with every transformation in turn for one image after the other."""
        geometry = self._geometry(batch.x)
        numbers = torch.arange(len(batch.x), device=batch.x.device)
        return self._error(model, geometry, batch.x, *(numbers % len(table) for table in geometry))

    def _geometry(self, x: Tensor) -> Geometry:
        height, width = x.shape[2:]
        return Geometry.of(height, width, self.shift)

    def _error(self, model: Model, geometry: Geometry, x: Tensor, orientation: Tensor, shift: Tensor) -> Tensor:
        logits = model.classify(geometry.apply(x, orientation, shift)).float()
        of_orientation, of_shift = torch.split(logits, [len(table) for table in geometry], dim=1)
        return F.cross_entropy(of_orientation, orientation) + F.cross_entropy(of_shift, shift)
