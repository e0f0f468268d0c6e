"""A flow-matching model (Lipman et al. 2023): a network transports noise to data in small steps. Made for codes of images."""

from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sablier.models.base import Model
from sablier.models.registry import register

FREQUENCIES = 8  # of the waves that encode the time
STEPS = 30  # from noise to data, with two evaluations each (Heun)


class Block(nn.Module):
    """Two layers with the time as an input, added to their input; starts as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.first = nn.Linear(width, width)
        self.time = nn.Linear(2 * FREQUENCIES, width)
        self.second = nn.Linear(width, width)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, y: Tensor, waves: Tensor) -> Tensor:
        result: Tensor = y + self.second(F.silu(self.first(self.norm(y)) + self.time(waves)))
        return result


class Flow(Model):
    """A velocity field over arrays of any shape, with fully connected layers: for codes, or very small images."""

    capabilities = frozenset({"sample"})
    mean: Tensor
    spread: Tensor

    def __init__(self, shape: tuple[int, int, int], width: int, blocks: int) -> None:
        super().__init__(shape)
        numbers = prod(shape)
        self.enter = nn.Linear(numbers, width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(blocks))
        self.leave = nn.Linear(width, numbers)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)
        self.register_buffer("mean", torch.zeros(numbers))
        self.register_buffer("spread", torch.ones(numbers))

    @torch.no_grad()
    def initialise(self, images: Tensor, seed: int) -> None:
        """Set the mean and the spread of each number, to standardise inputs."""
        flat = images.flatten(1)
        self.mean.copy_(flat.mean(dim=0))
        self.spread.copy_(flat.std(dim=0, correction=0).clamp_min(1e-6))

    def standardised(self, x: Tensor) -> Tensor:
        """Return N,numbers standardised over the data."""
        return (x.flatten(1) - self.mean) / self.spread

    def velocity(self, x: Tensor, time: Tensor) -> Tensor:
        """Return the velocity of each of N,numbers standardised points at its time, N from 0 (noise) to 1 (data)."""
        angles = torch.pi * time[:, None] * 2.0 ** torch.arange(FREQUENCIES, device=x.device).sub(1)
        waves = torch.cat([angles.sin(), angles.cos()], dim=1)
        y = self.enter(x)
        for block in self.blocks:
            y = block(y, waves)
        result: Tensor = self.leave(F.silu(y))
        return result

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Return `count` new arrays, N,C,H,W, in the value range of the training data."""
        height, width, channels = self.shape
        x = torch.randn(count, len(self.mean), generator=generator, device=generator.device).to(self.mean.device)
        for step in range(STEPS):
            now, then = (torch.full((count,), moment / STEPS, device=x.device) for moment in (step, step + 1))
            first = self.velocity(x, now)
            second = self.velocity(x + first / STEPS, then)
            x = x + (first + second) / (2 * STEPS)
        return (self.mean + self.spread * x).view(count, channels, height, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return the velocities halfway between noise and data, in the shape of `x`."""
        return self.velocity(self.standardised(x), torch.full((len(x),), 0.5, device=x.device)).view(x.shape)


@register
def flow(shape: tuple[int, int, int], *, width: int = 256, blocks: int = 3) -> Model:
    """Fully connected `blocks` of `width` numbers that transport noise to data."""
    return Flow(shape, width, blocks)
