"""The goal of fooling images, and the confidence of a classifier in them."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from sablier.images.chunks import images_at_once
from sablier.transforms.attacks import Logits

OnProgress = Callable[[int], None]

SURELY_ENOUGH = 1e-3  # of log odds: the same image in another batch gives logits that differ in their last digits
SUREST = -1e-13  # log probability beyond which float64 rounds to 0, and the odds would be infinite


@dataclass(frozen=True)
class Goal:
    """The goal: an image for each of K classes that a classifier is sure of.

    Args:
        logits: returns N,classes for N,C,H,W images in [0, 1].
        temperature: divides the logits, so that probabilities are calibrated.
        shape: C,H,W of an image.
        classes: K numbers of classes.
        sure: the calibrated probability to reach, between 0 and 1.
        generations: the most generations of evolution, or gradient steps.
        seed: the seed of random choices.
    """

    logits: Logits
    temperature: float
    shape: tuple[int, int, int]
    classes: Tensor
    sure: float
    generations: int
    seed: int

    @property
    def enough(self) -> float:
        """The log odds that an image must reach."""
        return math.log(self.sure / (1 - self.sure)) + SURELY_ENOUGH

    @property
    def batch_size(self) -> int:
        """How many images are best evaluated together."""
        return images_at_once(*self.shape[1:])

    def log_odds(self, x: Tensor) -> Tensor:
        """Return N,K float64: log(p / (1 - p)) of the calibrated probability of each wanted class, with its gradient.

        Log odds still rank images whose probabilities round to 0 or 1.
        """
        scaled = self.logits(x.contiguous(memory_format=torch.channels_last)).double() / self.temperature
        log_probability = F.log_softmax(scaled, dim=1)[:, self.classes].clamp(max=SUREST)
        return log_probability - torch.log(-torch.expm1(log_probability))

    @torch.no_grad()
    def judged(self, x: Tensor) -> Tensor:
        """Return the log odds N,K of images, rounded to 8 bits."""
        return torch.cat([self.log_odds(as_bytes(part)) for part in torch.split(x, self.batch_size)])


@dataclass(frozen=True)
class Found:
    """The result of a search.

    Args:
        images: K,C,H,W in [0, 1], rounded to 8 bits: for each class the first image that reached the goal, or else the best.
        generations: how many it took.
    """

    images: Tensor
    generations: int


def as_bytes(x: Tensor) -> Tensor:
    """Return images in [0, 1], rounded to 8 bits."""
    return (x * 255).round() / 255
