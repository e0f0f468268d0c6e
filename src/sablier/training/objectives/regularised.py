"""Draw images again from short codes that lie densely: a decoder that can be asked for codes no image has."""

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
    """Mean squared error of reconstructions, a penalty on the length of codes, and noise on them (Ghosh et al. 2020, RAE-L2).

    The penalty keeps codes from growing, which would undo the smoothness that the weight decay of the decoder asks for
    (`weight_decay` of the run). Noise on a code makes near codes decode to near images.

    Args:
        code_penalty: what the mean square of the numbers of a code counts.
        code_noise: standard deviation of the noise on each number of a code, as a share of that number's spread over the batch.
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
