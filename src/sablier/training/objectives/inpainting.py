"""Inpainting: prediction of hidden places from their surroundings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import Parameter

from sablier.errors import ConfigError
from sablier.models.base import Model
from sablier.training.objectives.base import Loss
from sablier.transforms.batches import Batch
from sablier.transforms.hiding import hidden_squares, square_sides


@dataclass(frozen=True)
class Inpainting:
    """Negative log-likelihood of hidden squares of an image (RIAD; Zavrtanik, Kristan and Skocaj 2021).

    A quarter of the image is hidden at a time, in a raster of squares. The likelihood is a Gaussian with the mean and the
    variance that the model predicts (Nix and Weigend 1994).

    Args:
        fewest_squares, most_squares: how many fit along the shorter side, doubling from one size to the next.
    """

    fewest_squares: int = 2
    most_squares: int = 32

    def __post_init__(self) -> None:
        if not 2 <= self.fewest_squares <= self.most_squares <= 256:
            raise ConfigError(
                f"expected 2 <= fewest_squares <= most_squares <= 256, got {self.fewest_squares}, {self.most_squares}."
            )

    def parameter_groups(self, model: Model) -> Mapping[str, list[Parameter]]:
        return {"model": list(model.parameters())}

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        sides = square_sides(batch.x, self.fewest_squares, self.most_squares)
        side = sides[int(torch.randint(len(sides), ()))]
        down, right = torch.randint(2 * side, (2,)).tolist()
        yield "model", self._surprise(model, batch.x, hidden_squares(batch.x, side, down, right)), {}

    def validate(self, model: Model, batch: Batch) -> Tensor:
        """Return the mean loss over all sizes of squares, each at one position."""
        sides = square_sides(batch.x, self.fewest_squares, self.most_squares)
        return torch.stack([self._surprise(model, batch.x, hidden_squares(batch.x, side, 0, 0)) for side in sides]).mean()

    def _surprise(self, model: Model, x: Tensor, hidden: Tensor) -> Tensor:
        mean, log_variance = model.inpaint(x, hidden)
        squared = (mean.float() - x).square().mean(dim=1, keepdim=True)
        return ((squared * torch.exp(-log_variance) + log_variance) * hidden).sum() / hidden.sum().clamp_min(1)
