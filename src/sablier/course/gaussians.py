"""A GAN on points of the plane, sampled from 25 narrow Gaussians on a grid.

The usual test for mode collapse (Dumoulin et al. 2017): a GAN of 2014 finds some of the Gaussians, and forgets others while
it learns new ones.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models.adversarial import AdversarialPair, leaky, start
from sablier.models.base import Model
from sablier.training.config import FitConfig
from sablier.training.loop import fit
from sablier.training.objectives import Adversarial
from sablier.training.progress import Progress
from sablier.transforms.batches import Batches

Array = NDArray[np.floating]

SIDE = 5  # Gaussians along each axis
DISTANCE, SPREAD = 2.0, 0.05
EDGE = 5.0  # the plane from -5 to 5 is [0, 1] for the networks
NEAR = 3.0  # standard deviations
FEWEST_SHARE = 0.1  # of its fair share: with less, a Gaussian is not found
POINTS, DRAWN = 25_600, 10_000
LATENT = 4
OCTAVES = 5  # of the waves of coordinates for the discriminator; the longest is twice the plane


@dataclass(frozen=True)
class Game:
    """The settings of the training on points."""

    width: int = 128  # of the three hidden layers of each network
    objective: Adversarial = field(default_factory=lambda: Adversarial(gamma=3e-4))
    fit: FitConfig = field(
        default_factory=lambda: FitConfig(
            steps=30_000, megapixels=1e6, batch_size=256, optimizer="adam", learning_rate=2e-3, beta1=0.0, beta2=0.99,
            weight_decay=0.0, warmup=0.05, ema=0.999, gradient_clip=0.0, dtype="float32",
        )
    )  # fmt: skip


@dataclass(frozen=True)
class Played:
    """The result of a training.

    Args:
        points: generated points, N,2, at the named epochs; the last is the end.
        found: how many of the Gaussians have at least a tenth of their fair share of points.
        near: share of points within three standard deviations of one.
        seconds: of training.
    """

    points: dict[int, Array]
    found: int
    near: float
    seconds: float


class PointPair(AdversarialPair):
    """A generator and a discriminator of dense layers, on points as N,1,1,2 images with black at -5 and white at 5."""

    def __init__(self, width: int) -> None:
        super().__init__((1, 2, 1), LATENT, _Layers(LATENT, width, 2), _Layers(2 + 4 * OCTAVES, width, 1))
        self.name = "points"

    def generate(self, z: Tensor) -> Tensor:
        points: Tensor = self.generator(z)
        return (points / (2 * EDGE) + 0.5).reshape(-1, 1, 1, 2)

    def discriminate(self, x: Tensor) -> Tensor:
        points = EDGE * (2 * x - 1).flatten(1)
        # Waves of each coordinate as inputs, since plain layers are slow to learn narrow structures (Tancik et al. 2020).
        angles = torch.pi / (2 * EDGE) * (points[:, :, None] * 2.0 ** torch.arange(OCTAVES)).flatten(1)
        answers: Tensor = self.discriminator(torch.cat([points, angles.sin(), angles.cos()], dim=1))
        return answers.float().squeeze(1)


class _Layers(nn.Module):
    def __init__(self, numbers_in: int, width: int, numbers_out: int) -> None:
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(numbers_in if first else width, width) for first in (True, False, False))
        self.leave = nn.Linear(width, numbers_out)
        start(self, self.leave)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.hidden:
            x = leaky(layer(x))
        result: Tensor = self.leave(x)
        return result


def centres() -> Array:
    """Return the mean of each of the 25 Gaussians, 25,2."""
    along = DISTANCE * (np.arange(SIDE) - (SIDE - 1) / 2)
    return np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)


def real_points(count: int, seed: int) -> Array:
    """Return points of the 25 Gaussians, count,2 float32."""
    random = np.random.default_rng(seed)
    middle = centres()[random.integers(SIDE**2, size=count)]
    return (middle + SPREAD * random.standard_normal((count, 2))).astype(np.float32)


def gaussians_found(points: Array) -> tuple[int, float]:
    """Return how many Gaussians have a tenth of their fair share of N,2 points, and the share of points near any.

    >>> gaussians_found(real_points(5000, 0)), gaussians_found(centres()[[3, 3, 3, 7]])
    ((25, 0.99), (2, 1.0))
    """
    distances = np.linalg.norm(points[:, None] - centres()[None], axis=2)
    near = distances.min(axis=1) <= NEAR * SPREAD
    counts = np.bincount(distances.argmin(axis=1)[near], minlength=SIDE**2)
    return int((counts >= max(1.0, FEWEST_SHARE * len(points) / SIDE**2)).sum()), float(near.mean())


@torch.no_grad()
def drawn_points(model: Model, count: int = DRAWN, seed: int = 0) -> Array:
    """Return generated points, count,2, in the units of the plane."""
    x = model.sample(count, torch.Generator().manual_seed(seed)).reshape(count, 2).numpy()
    return np.asarray((x - 0.5) * 2 * EDGE)


def play(
    game: Game,
    seed: int = 0,
    moments: int = 0,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Played:
    """Train generator and discriminator, and count the Gaussians that are found.

    Args:
        moments: how many intermediate results, each after twice as many epochs.
    """
    rule = Preprocess(height=1, width=2, channels=1, dtype="float32", black=-EDGE, white=EDGE)
    points = real_points(POINTS, seed).reshape(-1, 1, 2, 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = PointPair(game.width)
    epochs = game.fit.plan(POINTS, 2).epochs
    looks = [epochs >> halved for halved in range(moments, 0, -1)]
    seen: dict[int, Array] = {}

    def on_epoch(epoch: int, model: Model) -> None:
        if len(seen) < moments and epoch >= looks[len(seen)]:
            seen[epoch] = drawn_points(model, seed=seed)

    history = fit(model, Batches(ImageSet(points), rule), game.objective, game.fit, on_progress=on_progress, on_epoch=on_epoch)
    seen[epochs] = drawn_points(model, seed=seed)
    return Played(seen, *gaussians_found(seen[epochs]), history.seconds)
