"""What a batch costs, and whom it moves. A new idea is a new objective, never a new loop."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn import functional as F

from sablier.errors import ConfigError
from sablier.models.base import Model
from sablier.training.config import check_choices
from sablier.transforms.batches import Batch
from sablier.transforms.corruptions import CORRUPTIONS, estimated_sigma, gaussian, masked_blocks, random_levels
from sablier.transforms.geometry import Geometry
from sablier.transforms.hiding import hidden_squares, square_sides

LOWEST_LEVEL = 0.02  # the logarithm of the noise level is learnt down to here

Loss = tuple[str, Tensor, Mapping[str, Tensor]]


class Objective(Protocol):
    """What training minimises, and by moving which parameters.

    `players` names groups of parameters, each with an optimizer of its own; `losses` yields (player, scalar, parts)
    in turn, and the loop moves that player before it asks for the next.
    """

    def players(self, model: Model) -> Mapping[str, list[Parameter]]:
        """Return the named groups of parameters."""
        ...

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        """Yield what each player in turn minimises on this batch, with named parts for the history."""
        ...

    def validate(self, model: Model, batch: Batch) -> Tensor:
        """Return the mean loss of a validation batch, without any randomness."""
        ...


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


@dataclass(frozen=True)
class Denoising:
    """Mean squared error between a clean image and what the model makes of a noisy copy, blind to the level of the noise.

    A model that can tell the level learns that too, by the squared error of its logarithm.

    Args:
        corruption: what is done to the image, one of `CORRUPTIONS`; "mixed" draws one for each batch.
        noise_low, noise_high: the levels, drawn evenly for each image, in the corruption's own unit.
        clip: whether noisy images are clipped to [0, 1], as files of whole numbers are.
    """

    corruption: Literal["gaussian", "poisson", "salt-and-pepper", "missing", "mixed"] = "gaussian"
    noise_low: float = 0.0
    noise_high: float = 1.0
    clip: bool = True

    def __post_init__(self) -> None:
        check_choices(self)
        check_levels(self.noise_low, self.noise_high)

    def players(self, model: Model) -> Mapping[str, list[Parameter]]:
        return {"model": list(model.parameters())}

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        level = random_levels(batch.x, self.noise_low, self.noise_high)
        name = self._names[int(torch.randint(len(self._names), ()))]
        loss, parts = denoising_loss(model, self._damaged(name, batch.x, level), batch.x, level)
        yield "model", loss, parts

    def validate(self, model: Model, batch: Batch) -> Tensor:
        """Return the mean squared error at the middle level, the same noise each time; of mixed ones the mean."""
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
    """Learn to remove Gaussian noise from images that are all noisy: recorrupted to recorrupted (Pang, Zheng, Quan and Ji 2021).

    To an image y = x + s n a second noise z is added once, y + a s z, and taken away once, y - s z / a. The noises of the two are
    uncorrelated, so that their squared error is that against the clean image plus a constant. s is estimated for each image
    from its finest diagonal details (Donoho and Johnstone 1994). Pixels must not be clipped.

    Args:
        noise_low, noise_high: a, drawn evenly for each image.
    """

    noise_low: float = 0.6
    noise_high: float = 1.2

    def __post_init__(self) -> None:
        check_levels(self.noise_low, self.noise_high)

    def players(self, model: Model) -> Mapping[str, list[Parameter]]:
        return {"model": list(model.parameters())}

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        share = random_levels(batch.x, max(self.noise_low, 1e-2), max(self.noise_high, 1e-2))
        sigma = estimated_sigma(batch.x)
        more = sigma * torch.randn_like(batch.x)
        total = sigma * (1 + share**2).sqrt()
        loss, parts = denoising_loss(model, batch.x + share * more, batch.x - more / share, total)
        yield "model", loss, parts

    def validate(self, model: Model, batch: Batch) -> Tensor:
        """Return the same error at the middle of the levels: the clean image is not known."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            share = max((self.noise_low + self.noise_high) / 2, 1e-2)
            more = estimated_sigma(batch.x) * torch.randn_like(batch.x)
            return mean_squared_error(model.reconstruct(batch.x + share * more), batch.x - more / share)


@dataclass(frozen=True)
class TransformationPrediction:
    """Cross-entropy of telling how an image was turned, mirrored and shifted (Golan and El-Yaniv 2018).

    Whoever can tell knows what the images look like; on images that look otherwise the guess fails. A linear head for
    orientations and one for shifts share the network (Hendrycks, Mazeika, Kadavath and Song 2019).

    Args:
        shift: by how much an image is shifted, a share of each side.
    """

    shift: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.shift <= 0.5:
            raise ConfigError(f"expected shift above 0 and up to 0.5, got {self.shift}.")

    def players(self, model: Model) -> Mapping[str, list[Parameter]]:
        return {"model": list(model.parameters())}

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        geometry = self._geometry(batch.x)
        x = batch.x.repeat(2, 1, 1, 1) if len(batch.x) == 1 else batch.x  # one image has no spread to normalise by
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


@dataclass(frozen=True)
class Inpainting:
    """Surprise at hidden squares of an image, seen from around them (RIAD, Zavrtanik, Kristan and Skocaj 2021).

    A quarter of the image is hidden at a time, in a raster of squares, and the negative logarithm of a Gaussian with the mean
    and the variance that the model answers is the loss (Nix and Weigend 1994).

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

    def players(self, model: Model) -> Mapping[str, list[Parameter]]:
        return {"model": list(model.parameters())}

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        sides = square_sides(batch.x, self.fewest_squares, self.most_squares)
        side = sides[int(torch.randint(len(sides), ()))]
        down, right = torch.randint(2 * side, (2,)).tolist()
        yield "model", self._surprise(model, batch.x, hidden_squares(batch.x, side, down, right)), {}

    def validate(self, model: Model, batch: Batch) -> Tensor:
        """Return the mean loss over all sizes of squares, each at one place."""
        sides = square_sides(batch.x, self.fewest_squares, self.most_squares)
        return torch.stack([self._surprise(model, batch.x, hidden_squares(batch.x, side, 0, 0)) for side in sides]).mean()

    def _surprise(self, model: Model, x: Tensor, hidden: Tensor) -> Tensor:
        mean, log_variance = model.inpaint(x, hidden)
        squared = (mean.float() - x).square().mean(dim=1, keepdim=True)
        return ((squared * torch.exp(-log_variance) + log_variance) * hidden).sum() / hidden.sum().clamp_min(1)


def check_levels(low: float, high: float) -> None:
    """Raise ConfigError unless 0 <= low <= high <= 10."""
    if not 0 <= low <= high <= 10:
        raise ConfigError(f"expected 0 <= noise_low <= noise_high <= 10, got {low} and {high}.")


def denoising_loss(model: Model, noisy: Tensor, target: Tensor, level: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the mean squared error of the images without noise, and where the model tells the level, that of its logarithm."""
    if "denoise" not in model.capabilities:
        return mean_squared_error(model.reconstruct(noisy), target), {}
    clean, found = model.denoise(noisy)
    wrong = torch.log(found.clamp_min(1e-4)) - torch.log(level.flatten().clamp_min(LOWEST_LEVEL))
    error = mean_squared_error(clean, target)
    # The level has weights of its own, and its error has no gradient for the others.
    return error + torch.mean(wrong**2), {"error": error, "level_error": torch.mean(wrong**2)}


def mean_squared_error(reconstruction: Tensor, target: Tensor) -> Tensor:
    """Return the mean of the squared differences, in float32.

    Raises:
        ValueError: where the shapes differ. A loss never broadcasts: N,28,28 against N,1,28,28 would silently compare
            every reconstruction with every image and teach the model the mean image.
    """
    if reconstruction.shape != target.shape:
        raise ValueError(f"a loss compares equal shapes, got {tuple(reconstruction.shape)} and {tuple(target.shape)}.")
    return torch.mean((reconstruction.float() - target.float()) ** 2)
