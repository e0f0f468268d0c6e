"""Flow matching: velocities that transport noise to data along straight lines."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import Parameter

from sablier.errors import ConfigError
from sablier.models.base import Model
from sablier.models.flow import Flow
from sablier.training.objectives.base import Loss, mean_squared_error
from sablier.transforms.batches import Batch


@dataclass(frozen=True)
class FlowMatching:
    """Mean squared error of the velocity from random noise to a data point, at a random time (Lipman et al. 2023).

    Where lines cross, the optimum is their mean velocity; integrated from noise, these velocities lead to the data.
    """

    def parameter_groups(self, model: Model) -> Mapping[str, list[Parameter]]:
        if not isinstance(model, Flow):
            raise ConfigError(f"model {model.name} has no velocities. Choose model=flow.")
        return {"model": list(model.parameters())}

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        assert isinstance(model, Flow)  # parameter_groups checked
        data = model.standardised(batch.x)
        yield "model", _error(model, data, torch.randn_like(data), torch.rand(len(data), device=data.device)), {}

    def validate(self, model: Model, batch: Batch) -> Tensor:
        """Return the same, with the same noise each time and evenly spread times."""
        assert isinstance(model, Flow)  # parameter_groups checked
        data = model.standardised(batch.x)
        noise = torch.randn(data.shape, generator=torch.Generator().manual_seed(0)).to(data)
        return _error(model, data, noise, torch.linspace(0, 1, len(data), device=data.device))


def _error(model: Flow, data: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    between = torch.lerp(noise, data, time[:, None])
    return mean_squared_error(model.velocity(between, time), data - noise)
