"""Rate-distortion: the bits of a code and the error of the decoded image, for every rounding step at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log, prod
from typing import cast

import torch
from torch import Tensor
from torch.nn import Parameter

from sablier.errors import ConfigError
from sablier.models.base import Model
from sablier.models.compressor import Compressor
from sablier.training.objectives.base import Loss, mean_squared_error
from sablier.transforms.batches import Batch

# A number rounded to steps of s has a mean squared error of s^2 / 12, and half the step costs one bit more: this is the
# worth of an error in bits where both balance.
WORTH = 6 / log(2)


@dataclass(frozen=True)
class RateDistortion:
    """Bits of a code and squared error of the decoded image (Ballé, Laparra and Simoncelli 2017), for many rounding steps.

    Noise as wide as a step replaces rounding. The step is random for each image, and errors weigh less for larger steps, so
    one network serves all rates.

    Args:
        finest, coarsest: rounding steps, in units of the root of the summed squares of pixels in [0, 1].
    """

    finest: float = 0.1
    coarsest: float = 3.0

    def __post_init__(self) -> None:
        if not 0 < self.finest < self.coarsest <= 100:
            raise ConfigError(f"expected 0 < finest < coarsest <= 100, got {self.finest:g} and {self.coarsest:g}.")

    def parameter_groups(self, model: Model) -> Mapping[str, list[Parameter]]:
        if "count_bits" not in model.capabilities:
            raise ConfigError(f"model {model.name} does not count the bits of its codes. Choose model=compressor.")
        return {"model": list(model.parameters())}

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        share = torch.rand(len(batch.x), device=batch.x.device)
        steps = self.finest * (self.coarsest / self.finest) ** share
        net = cast(Compressor, model)
        codes = net.encode(batch.x).float()
        noisy = codes + steps[:, None] * (torch.rand_like(codes) - 0.5)
        values = prod(batch.x.shape[1:])
        bits = net.count_bits(noisy, steps) / values
        errors = (net.decode(noisy).float() - batch.x).square().flatten(1).mean(dim=1)
        yield "model", (bits + WORTH * errors / steps**2).mean(), {"error": errors.mean(), "bits": bits.mean()}

    def validate(self, model: Model, batch: Batch) -> Tensor:
        return mean_squared_error(model.reconstruct(batch.x), batch.x)
