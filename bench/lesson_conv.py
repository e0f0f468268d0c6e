"""Lesson 2 in plain PyTorch: the net as the lesson draws it, in float32, and the loop one would write for it.

The lesson is in Keras (bench/keras_letters.py); here stand the same layers with torch's default starting weights, N,C,H,W, the
images as one float tensor. RMSprop takes the values of Keras.
"""

import math
import statistics
import time
from typing import Any

import numpy as np
import torch
from torch import nn

from sablier.training.config import FitConfig


def lesson_net() -> nn.Sequential:
    """Return the lesson's net: 314,625 parameters."""

    def convolution(before: int, after: int) -> nn.Module:
        return nn.Conv2d(before, after, 3, padding=1)

    return nn.Sequential(
        *(convolution(1, 32), nn.ReLU(), nn.MaxPool2d(2)),
        *(convolution(32, 64), nn.ReLU(), nn.MaxPool2d(2)),
        *(convolution(64, 128), nn.ReLU()),
        *(convolution(128, 128), nn.ReLU(), nn.Upsample(scale_factor=2)),
        *(convolution(128, 64), nn.ReLU(), nn.Upsample(scale_factor=2)),
        *(convolution(64, 1), nn.Sigmoid()),
    )


@torch.no_grad()
def multiply_adds() -> int:
    """Return the multiply-adds of the net's convolutions for one image of 28 x 28, forward."""
    x, total = torch.zeros(1, 1, 28, 28), 0
    for layer in lesson_net():
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            total += x.numel() * layer.in_channels * math.prod(layer.kernel_size)
    return total


def run(training: np.ndarray, tests: np.ndarray, epochs: int, batch_size: int, ours: FitConfig | None) -> dict[str, Any]:
    """Train on N,28,28,1 uint8 images, as the lesson does or with the optimizer and the schedule of `ours`.

    Returns the seconds of training, the mean squared error on the tests, and the images per second of the median epoch.
    """
    torch.manual_seed(0)
    images, held_out = (torch.from_numpy(array.copy()).permute(0, 3, 1, 2).float().div(255) for array in (training, tests))
    model, criterion = lesson_net(), nn.MSELoss()
    optimizer: torch.optim.Optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3, alpha=0.9, eps=1e-7)
    steps = epochs * math.ceil(len(images) / batch_size)
    schedule = None
    if ours:
        optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.99), weight_decay=ours.weight_decay)
        # From 1/25 of the peak up to it, and down to 1/10,000 of it: as sablier's own.
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, ours.learning_rate, steps, pct_start=ours.warmup, div_factor=25, final_div_factor=400, cycle_momentum=False
        )
    ends = [time.perf_counter()]
    for _ in range(epochs):
        for indices in torch.split(torch.randperm(len(images)), batch_size):
            batch = images[indices]
            loss = criterion(model(batch), batch)
            optimizer.zero_grad()
            loss.backward()
            if ours and ours.gradient_clip:
                nn.utils.clip_grad_norm_(model.parameters(), ours.gradient_clip)
            optimizer.step()
            if schedule:
                schedule.step()
        ends.append(time.perf_counter())
    with torch.no_grad():
        squares = [((model(batch) - batch).double() ** 2).sum().item() for batch in torch.split(held_out, batch_size)]
    return {
        "seconds": ends[-1] - ends[0],
        "mse": sum(squares) / held_out.numel(),
        "images_per_second": len(images) / statistics.median(np.diff(ends).tolist()),
    }
