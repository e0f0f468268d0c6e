"""An independent classifier that tells benches what generated images show, and the numbers in which they are compared.

A small convolutional net, trained here on the training split of a named set with its labels, at a fixed seed; nothing is
downloaded, and what is judged never trained it. Its last 128 numbers before the classes are the features of which Frechet
distances are computed: FD, never FID, since the extractor is another (and figures of different extractors do not compare).
Kept below the user's cache folder after the first run.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pooch
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness import labels_of
from sablier.images.datasets import load_dataset
from sablier.images.imageset import ImageSet
from sablier.transforms.affine import moved
from sablier.typing import Array

VERSION = 1  # of the net and of its training: a change makes other figures
FEATURES = 128
BATCH = 128
STEPS = 600
# How far a figure is moved in training, so that it is told by its shape: the usual small turns and shifts.
TURN, SHIFT, SCALE = 12.0, 0.08, 0.1


class Net(nn.Module):
    """Four convolutions with batch normalisation, two of which halve the picture; then `FEATURES` numbers; then classes."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        widths = [(channels, 24, 1), (24, 48, 2), (48, 64, 2), (64, 64, 1)]
        self.layers = nn.ModuleList(nn.Conv2d(a, b, 3, stride, 1, bias=False) for a, b, stride in widths)
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for _, b, _ in widths)
        self.features = nn.LazyLinear(FEATURES)
        self.classes = nn.Linear(FEATURES, classes)

    def look(self, x: Tensor) -> Tensor:
        """Return the features of N,C,H,W images in [0, 1]."""
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = F.relu(norm(layer(x)))
        return F.relu(self.features(x.flatten(1)))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.classes(F.dropout(self.look(x), 0.3, self.training))
        return result


class Judge:
    """A trained net and the names of its classes."""

    def __init__(self, net: Net, classes: Array) -> None:
        self.net, self.classes = net.eval(), classes

    def features(self, x: Array) -> Array:
        """Return N,128 float32 features of N,H,W,C images in [0, 1]."""
        return self._each(x, self.net.look)

    def classify(self, x: Array) -> Array:
        """Return the names of the classes that N,H,W,C images in [0, 1] look most like."""
        return np.asarray(self.classes[self._each(x, self.net).argmax(axis=1)])

    def probabilities(self, x: Array) -> Array:
        """Return N,classes: how likely each class is, in the order of `classes`."""
        return self._each(x, lambda batch: self.net(batch).softmax(dim=1))

    @torch.no_grad()
    def _each(self, x: Array, look: Callable[[Tensor], Tensor]) -> Array:
        return np.concatenate([look(_tensor(x[start : start + 500])).numpy() for start in range(0, len(x), 500)])


def judge(data: str, training: ImageSet, seed: int = 0, steps: int = STEPS) -> Judge:
    """Return the judge that has learnt from training images of a named set, from the cache where an earlier run has left it."""
    classes = np.unique(labels_of(training))
    kept = Path(pooch.os_cache("sablier-bench")) / f"judge-{VERSION}-{data}-{len(training)}-{seed}-{steps}.pt"
    if kept.exists():
        net = _made(training.shape, len(classes))
        net.load_state_dict(torch.load(kept, weights_only=True))
        return Judge(net, classes)
    found = trained(training.array / np.float32(255), labels_of(training), seed, steps)
    kept.parent.mkdir(parents=True, exist_ok=True)
    torch.save(found.net.state_dict(), kept)
    return found


def trained(x: Array, labels: Array, seed: int, steps: int, shares: Array | None = None) -> Judge:
    """Train a judge on N,H,W,C images in [0, 1], each moved a little every time it is seen.

    Args:
        labels: N names of classes.
        steps: batches of 128 images.
        shares: N; how often an image is drawn, relative to the others; None draws all alike.
    """
    classes, numbers = np.unique(labels, return_inverse=True)
    pixels, targets = _tensor(x), torch.from_numpy(numbers.ravel())
    weights = torch.ones(len(x)) if shares is None else torch.from_numpy(np.asarray(shares, np.float32))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = _made(x.shape[1:], len(classes)).train()
        optimizer = torch.optim.AdamW(net.parameters(), 3e-3, weight_decay=1e-2)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps, pct_start=0.2)
        for _ in range(steps):
            drawn = torch.multinomial(weights, BATCH, replacement=True)
            batch = moved(pixels[drawn], turn=TURN, shift=SHIFT, scale=SCALE)
            loss = F.cross_entropy(net(batch), targets[drawn], label_smoothing=0.05)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    return Judge(net, classes)


def _made(shape: tuple[int, ...], classes: int) -> Net:
    net = Net(shape[2], classes)
    net.eval()(torch.zeros(1, shape[2], *shape[:2]))  # its lazy layer learns its size
    return net


def _tensor(x: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2), np.float32))


def main() -> None:
    """Train the judge of MNIST and say how often it is right about test images."""
    tests = load_dataset("mnist", "test")
    right = judge("mnist", load_dataset("mnist", "train")).classify(tests.array / np.float32(255)) == tests.labels
    print(f"{right.mean():.4f} of MNIST's test images")


if __name__ == "__main__":
    main()
