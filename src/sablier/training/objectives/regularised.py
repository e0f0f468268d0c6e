"""Reconstruction with regularised codes, for a decoder that generates images from new codes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import Parameter

from sablier.limits import check_limits
from sablier.models.base import Model
from sablier.training.objectives.base import Loss, mean_squared_error
from sablier.transforms.batches import Batch


@dataclass(frozen=True)
class RegularisedReconstruction:
    """Mean squared error of reconstructions, a penalty on the norm of codes, and noise on them (RAE-L2; Ghosh et al. 2020).

    The penalty keeps codes from growing, which would undo the smoothness that weight decay of the decoder (`weight_decay`)
    gives. Noise on a code makes near codes decode to similar images.

    Args:
        code_penalty: the weight of the mean squared numbers of a code.
        code_noise: standard deviation of the noise on each number of a code, as a share of its spread over the batch.
    """

    code_penalty: Annotated[float, Field(ge=0, le=1000)] = 1e-4
    code_noise: Annotated[float, Field(ge=0, le=10)] = 0.05

    def __post_init__(self) -> None:
        check_limits(self)

    def parameter_groups(self, model: Model) -> Mapping[str, list[Parameter]]:
        return {"model": list(model.parameters())}

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        codes = model.encode(batch.x)
        spread = codes.detach().std(dim=0, correction=0)
        noisy = codes + self.code_noise * spread * torch.randn_like(codes) if self.code_noise else codes
        error = mean_squared_error(model.decode(noisy), batch.x)
        yield "model", error + self.code_penalty * codes.float().square().mean(), {"error": error}

    def validate(self, model: Model, batch: Batch) -> Tensor:
        return mean_squared_error(model.reconstruct(batch.x), batch.x)
