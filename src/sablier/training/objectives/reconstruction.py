"""Draw images again, from damaged copies of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor
from torch.nn import Parameter

from sablier.errors import ConfigError
from sablier.models.base import Model
from sablier.training.objectives.base import Loss, mean_squared_error
from sablier.transforms.batches import Batch
from sablier.transforms.corruptions import gaussian, masked_blocks, random_levels


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
            x = gaussian(x, random_levels(x, 0, self.noise))
        if self.mask:
            x = masked_blocks(x, self.mask)
        loss = mean_squared_error(model.reconstruct(x), batch.x)
        yield "model", loss, {}

    def validate(self, model: Model, batch: Batch) -> Tensor:
        return mean_squared_error(model.reconstruct(batch.x), batch.x)
