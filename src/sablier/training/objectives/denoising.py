"""Denoising, trained on clean images or on noisy ones alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import Parameter

from sablier.errors import ConfigError
from sablier.limits import check_limits
from sablier.models.base import Model
from sablier.training.objectives.base import Loss, mean_squared_error
from sablier.transforms.batches import Batch
from sablier.transforms.corruptions import CORRUPTIONS, estimated_sigma, random_levels

LOWEST_LEVEL = 0.02  # lowest level at which the logarithm of the noise level is trained


@dataclass(frozen=True)
class Denoising:
    """Mean squared error between a clean image and the output for a noisy copy, blind to the noise level.

    A model that estimates the level is also trained by the squared error of its logarithm.

    Args:
        corruption: one of `CORRUPTIONS`; "mixed" chooses one for each batch.
        noise_low, noise_high: the range of levels, uniform for each image, in the unit of the corruption.
        clip: whether noisy images are clipped to [0, 1], as files of integers are.
    """

    corruption: Literal["gaussian", "poisson", "salt-and-pepper", "missing", "mixed"] = "gaussian"
    noise_low: float = 0.0
    noise_high: float = 1.0
    clip: bool = True

    def __post_init__(self) -> None:
        check_limits(self)
        check_levels(self.noise_low, self.noise_high)

    def parameter_groups(self, model: Model) -> Mapping[str, list[Parameter]]:
        return {"model": list(model.parameters())}

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        level = random_levels(batch.x, self.noise_low, self.noise_high)
        name = self._names[int(torch.randint(len(self._names), ()))]
        loss, parts = denoising_loss(model, self._damaged(name, batch.x, level), batch.x, level)
        yield "model", loss, parts

    def validate(self, model: Model, batch: Batch) -> Tensor:
        """Return the mean squared error at the middle level, with the same noise each time; of mixed corruptions, the mean."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            level = torch.full((len(batch.x), 1, 1, 1), (self.noise_low + self.noise_high) / 2, device=batch.x.device)
            damaged = [self._damaged(name, batch.x, level) for name in self._names]
            return torch.stack([mean_squared_error(model.reconstruct(noisy), batch.x) for noisy in damaged]).mean()

    @property
    def _names(self) -> list[str]:
        return list(CORRUPTIONS) if self.corruption == "mixed" else [self.corruption]

    def _damaged(self, name: str, x: Tensor, level: Tensor) -> Tensor:
        noisy = CORRUPTIONS[name](x, level)
        return noisy.clamp(0, 1) if self.clip else noisy


@dataclass(frozen=True)
class NoisyOnly:
    """Denoising trained on images that are all noisy: recorrupted to recorrupted (Pang, Zheng, Quan and Ji 2021).

    To an image y = x + s n, a second noise z is added once, y + a s z, and subtracted once, y - s z / a. The noises of the
    two are uncorrelated, so their squared error is that against the clean image plus a constant. s is estimated for each
    image from its finest diagonal details (Donoho and Johnstone 1994). Pixels must not be clipped.

    Args:
        noise_low, noise_high: the range of a, uniform for each image.
    """

    noise_low: float = 0.6
    noise_high: float = 1.2

    def __post_init__(self) -> None:
        check_levels(self.noise_low, self.noise_high)

    def parameter_groups(self, model: Model) -> Mapping[str, list[Parameter]]:
        return {"model": list(model.parameters())}

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        share = random_levels(batch.x, max(self.noise_low, 1e-2), max(self.noise_high, 1e-2))
        sigma = estimated_sigma(batch.x)
        more = sigma * torch.randn_like(batch.x)
        total = sigma * (1 + share**2).sqrt()
        loss, parts = denoising_loss(model, batch.x + share * more, batch.x - more / share, total)
        yield "model", loss, parts

    def validate(self, model: Model, batch: Batch) -> Tensor:
        """Return the same error at the middle of the levels; the clean image is not known."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            share = max((self.noise_low + self.noise_high) / 2, 1e-2)
            more = estimated_sigma(batch.x) * torch.randn_like(batch.x)
            return mean_squared_error(model.reconstruct(batch.x + share * more), batch.x - more / share)


def check_levels(low: float, high: float) -> None:
    """Raise ConfigError unless 0 <= low <= high <= 10."""
    if not 0 <= low <= high <= 10:
        raise ConfigError(f"expected 0 <= noise_low <= noise_high <= 10, got {low} and {high}.")


def denoising_loss(model: Model, noisy: Tensor, target: Tensor, level: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the mean squared error of the denoised images and, if the model estimates the level, that of its logarithm."""
    if "denoise" not in model.capabilities:
        return mean_squared_error(model.reconstruct(noisy), target), {}
    clean, found = model.denoise(noisy)
    wrong = torch.log(found.clamp_min(1e-4)) - torch.log(level.flatten().clamp_min(LOWEST_LEVEL))
    error = mean_squared_error(clean, target)
    # The level has weights of its own, and its error has no gradient for the others.
    return error + torch.mean(wrong**2), {"error": error, "level_error": torch.mean(wrong**2)}
