"""The objective of a variational autoencoder: random codes whose distribution is close to a Gaussian."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import Parameter

from sablier.errors import ConfigError
from sablier.limits import check_limits
from sablier.models.base import Model
from sablier.models.variational import VariationalBottleneck, drawn
from sablier.training.objectives.base import Loss, mean_squared_error
from sablier.transforms.batches import Batch

SMALLEST_ERROR = 1e-6


@dataclass(frozen=True)
class Variational:
    """The evidence lower bound of a variational autoencoder (Kingma and Welling 2014), in nats per value of an image.

    The variance of the pixel noise is not a setting: its optimum is the mean squared error of the batch (Rybkin, Daniilidis
    and Levine 2021), so the error counts by its logarithm.

    Args:
        divergence: the weight of the divergence of a code's distribution from the Gaussian prior; 1 is the bound. More keeps
            codes closer together and reconstructs less exactly (Higgins et al. 2017).
    """

    divergence: Annotated[float, Field(ge=0, le=1000)] = 1.0

    def __post_init__(self) -> None:
        check_limits(self)

    def parameter_groups(self, model: Model) -> Mapping[str, list[Parameter]]:
        if not isinstance(model, VariationalBottleneck):
            raise ConfigError(f"model {model.name} draws no codes. Choose model=variational, or the recipe generator.")
        return {"model": list(model.parameters())}

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        assert isinstance(model, VariationalBottleneck)  # parameter_groups checked
        mean, log_variance = model.posterior(batch.x)
        error = mean_squared_error(model.decode(drawn(mean, log_variance)), batch.x)
        mean, log_variance = mean.float(), log_variance.float()
        nats = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1).mean() / prod(batch.x.shape[1:])
        loss = 0.5 * torch.log(error + SMALLEST_ERROR) + self.divergence * nats
        yield "model", loss, {"error": error, "divergence": nats}

    def validate(self, model: Model, batch: Batch) -> Tensor:
        return mean_squared_error(model.reconstruct(batch.x), batch.x)
