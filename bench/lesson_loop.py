"""Lesson 1 as the course writes it, in plain PyTorch: the peer that bench/course.py and bench/train_speed.py run beside ours.

The data set gives one image at a time, converted from a Pillow image as the usual transform does; a DataLoader makes
batches of 64; Adam with 1e-3; ten epochs. With `broadcast=True` the loss compares shapes N,28,28 and N,1,28,28, as printed.
"""

import time
import warnings
from itertools import pairwise

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset, random_split

EPOCHS, BATCH = 10, 64


class Digits(Dataset[tuple[torch.Tensor, int]]):
    """Images as the usual MNIST class gives them: Pillow image, then a float tensor 1,28,28 in [0, 1]."""

    def __init__(self, pixels: np.ndarray, targets: np.ndarray) -> None:
        self.pixels, self.targets = torch.from_numpy(pixels.copy()), torch.from_numpy(targets.copy())

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image, target = Image.fromarray(self.pixels[index].numpy()), int(self.targets[index])
        tensor = torch.from_numpy(np.array(image, np.uint8, copy=True))
        tensor = tensor.view(image.size[1], image.size[0], len(image.getbands())).permute((2, 0, 1)).contiguous()
        return tensor.to(dtype=torch.get_default_dtype()).div(255), target


def dense_net() -> nn.Module:
    """Return 784-512-256-128-256-512-784 with torch's default starting weights."""
    sizes = [784, 512, 256, 128, 256, 512, 784]
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1], nn.Sigmoid())


def run(
    digits: np.ndarray, labels: np.ndarray, normal: int, tests: np.ndarray, seed: int, broadcast: bool
) -> tuple[float, np.ndarray, float]:
    """Train on 80 % of the normal digits; return the validation loss as the lesson reckons it, the test errors, the seconds."""
    torch.manual_seed(seed)
    data = Digits(digits, labels)
    normals = Subset(data, [index for index, label in enumerate(labels) if label == normal])
    training, validation = random_split(normals, [0.8, 0.2])
    model, criterion = dense_net(), nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def loss_of(images: torch.Tensor) -> torch.Tensor:
        again = model(images.view(-1, 784)).view(-1, 28, 28)
        loss: torch.Tensor = criterion(again if broadcast else again[:, None], images)
        return loss

    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of the very broadcast that is shown here
        train_loader = DataLoader(training, BATCH, shuffle=True)
        loader = DataLoader(validation, BATCH, shuffle=True)
        for _ in range(EPOCHS):
            train_total = total = torch.zeros(())
            for images, _ in train_loader:
                loss = loss_of(images)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                train_total = train_total + loss
            for images, _ in loader:
                with torch.no_grad():
                    total = total + loss_of(images)
    seconds = time.perf_counter() - start
    with torch.no_grad():
        flat = torch.from_numpy(tests.copy()).float().div(255).view(-1, 784)
        errors = ((model(flat) - flat) ** 2).mean(dim=1).numpy()
    return float(total) / len(loader), errors, seconds
