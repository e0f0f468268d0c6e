"""What is wanted of fooling images, and how sure a classifier is of them."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from sablier.transforms.attacks import Logits
from sablier.transforms.batches import images_at_once

OnProgress = Callable[[int], None]

SURELY_ENOUGH = 1e-3  # of log odds: the same image in another batch gives logits that differ in their last digits
SUREST = -1e-13  # log probability beyond which float64 does not tell it from 0, and the odds would be infinite


@dataclass(frozen=True)
class Goal:
    """An image for each of K classes that a classifier is sure of.

    Args:
        logits: gives N,classes for N,C,H,W images in [0, 1].
        temperature: what logits are divided by, so that they become calibrated probabilities.
        shape: C,H,W of an image.
        classes: K numbers of classes.
        sure: the calibrated probability that is enough, between 0 and 1.
        generations: of evolution, or steps of a gradient, at most.
        seed: the same seed gives the same images.
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
        """How many images are best looked at together."""
        return images_at_once(*self.shape[1:])

    def log_odds(self, x: Tensor) -> Tensor:
        """Return N,K float64: log(p / (1 - p)) of the calibrated probability of each wanted class, with its gradient.

        Where probabilities round to 0 or 1, these still tell which image is better.
        """
        scaled = self.logits(x.contiguous(memory_format=torch.channels_last)).double() / self.temperature
        log_probability = F.log_softmax(scaled, dim=1)[:, self.classes].clamp(max=SUREST)
        return log_probability - torch.log(-torch.expm1(log_probability))

    @torch.no_grad()
    def judged(self, x: Tensor) -> Tensor:
        """Return the log odds N,K of images, as bytes of 8 bits hold them."""
        return torch.cat([self.log_odds(as_bytes(part)) for part in torch.split(x, self.batch_size)])


@dataclass(frozen=True)
class Found:
    """What a search found.

    Args:
        images: K,C,H,W in [0, 1], as bytes hold them: for each wanted class the image that the classifier is surest of, or the
            first that it was sure enough of.
        generations: how many it took.
    """

    images: Tensor
    generations: int


def as_bytes(x: Tensor) -> Tensor:
    """Return images in [0, 1] as bytes of 8 bits hold them."""
    return (x * 255).round() / 255
