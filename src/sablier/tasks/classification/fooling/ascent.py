"""Gradient ascent: from noise to an image that a classifier is sure of, as smooth as possible.

After Simonyan, Vedaldi and Zisserman (2014), with the differences of neighbouring pixels in place of the norm of the image,
which alone would leave noise as it is. Adam (Kingma and Ba 2015) takes the steps.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from sablier.tasks.classification.fooling.base import Found, Goal, OnProgress, as_bytes
from sablier.transforms.attacks.base import input_gradient

STEP = 0.05  # of a pixel, at most
MOMENTUM, MEMORY, TINY = 0.9, 0.99, 1e-8  # of Adam
# At first, a unit of log odds weighs as much as one of roughness. Then the weight of roughness halves every 20 steps, so
# that each class is reached as smoothly as possible.
SETTLING, HALVED_EVERY = 100, 20
# Classes that are not reached by then start again from other noise, with a tenth of that weight.
ROUND, LIGHTER = 300, 0.1


def ascend(goal: Goal, on_progress: OnProgress = lambda images: None) -> Found:
    """Maximise the log odds of each class until the classifier is sure enough, or steps run out.

    Args:
        on_progress: called with the number of images that the classifier has evaluated.
    """
    random = torch.Generator().manual_seed(goal.seed)
    x = torch.zeros(len(goal.classes), *goal.shape)
    mean, square = torch.empty_like(x), torch.empty_like(x)
    best, surest = as_bytes(x), torch.full((len(x),), -torch.inf, dtype=torch.float64)
    left, looked, steps = torch.arange(len(x)), 0, 0
    while len(left) and steps < goal.generations:
        turn, step = divmod(steps, ROUND)
        if step == 0:
            x[left] = torch.rand(len(left), *goal.shape, generator=random)
            mean[left] = square[left] = 0.0
        weight = LIGHTER**turn * 0.5 ** (max(0, step - SETTLING) / HALVED_EVERY)
        gradient = _gradient(goal, x[left], left, weight)
        mean[left] = MOMENTUM * mean[left] + (1 - MOMENTUM) * gradient
        square[left] = MEMORY * square[left] + (1 - MEMORY) * gradient**2
        scale = (square[left] / (1 - MEMORY ** (step + 1))).sqrt() + TINY
        x[left] = (x[left] + STEP * mean[left] / (1 - MOMENTUM ** (step + 1)) / scale).clamp(0, 1)
        steps, looked = steps + 1, looked + len(left)
        if step >= SETTLING or steps == goal.generations:
            sure = goal.judged(x[left])[torch.arange(len(left)), left]
            better, looked = sure > surest[left], looked + len(left)
            best[left[better]], surest[left[better]] = as_bytes(x[left[better]]), sure[better]
            left = left[surest[left] < goal.enough]
        on_progress(looked)
    return Found(best, steps)


def roughness(x: Tensor) -> Tensor:
    """Return N: the summed squared differences of neighbouring pixels of N,C,H,W images.

    An image at twice the resolution is about as rough.
    """
    down, across = x[..., 1:, :] - x[..., :-1, :], x[..., 1:] - x[..., :-1]
    found: Tensor = down.square().sum(dim=(1, 2, 3)) + across.square().sum(dim=(1, 2, 3))
    return found


def _gradient(goal: Goal, x: Tensor, own: Tensor, weight: float) -> Tensor:
    """Return the direction that raises the log odds of the own class and smooths the images, N,C,H,W."""
    parts = []
    for images, columns in zip(torch.split(x, goal.batch_size), torch.split(own, goal.batch_size), strict=True):

        def gain(images: Tensor, columns: Tensor = columns) -> Tensor:
            missing = goal.enough - goal.log_odds(images).gather(1, columns[:, None])[:, 0]
            # Beyond the goal, little is gained, and the smoothness term dominates.
            return -F.softplus(missing) - weight * roughness(images)

        parts.append(input_gradient(gain, images)[0])
    return torch.cat(parts)
