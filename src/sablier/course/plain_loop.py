"""The training loop of lesson 4 as its text has it: random batches of 60, a constant rate, an optimizer of torch.

The accuracy is measured on one batch of 1,000 test images, as in the lesson. Losses are summed over a batch or averaged.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn import functional as F

from sablier.models.base import Model
from sablier.training.progress import Progress
from sablier.transforms.batches import Batches

BATCH = 60
TEST_BATCH = 1000
LOOKS = 40  # evaluations in a training
EARLY = (1, 2, 5, 10, 20, 50)  # iterations after which the network is evaluated, too


@dataclass(frozen=True)
class Way:
    """An optimizer and how losses of a batch are put together.

    Args:
        optimizer: makes it from the parameters and the rate.
        rate: the learning rate.
        reduction: "sum" or "mean".
    """

    optimizer: Callable[[Iterable[Parameter], float], torch.optim.Optimizer]
    rate: float
    reduction: str = "sum"


def _plain(parameters: Iterable[Parameter], rate: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=rate)


def _with_momentum(parameters: Iterable[Parameter], rate: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=rate, momentum=0.9)


def _adam(parameters: Iterable[Parameter], rate: float) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=rate)


# The lesson names no rate. Those of the optimizers were chosen on held-out training digits.
LESSON_WAY = Way(_with_momentum, 5e-4)
OPTIMIZERS = {"sgd": Way(_plain, 4e-3), "momentum": Way(_with_momentum, 5e-4), "adam": Way(_adam, 4e-3)}
REDUCTIONS = {"sum": Way(_plain, 1e-3), "mean": Way(_plain, 1e-3, "mean"), "mean_60": Way(_plain, 60e-3, "mean")}


@dataclass(frozen=True)
class Curve:
    """A training.

    Args:
        iterations: after how many of them the network was evaluated; the first is 0.
        accuracy, loss: then, on the test batch; the loss is the mean cross-entropy.
    """

    iterations: list[int]
    accuracy: list[float]
    loss: list[float]

    def at(self, iterations: int) -> float:
        """Return the accuracy after a number of iterations, or at the last evaluation before."""
        return next(
            value for count, value in zip(reversed(self.iterations), reversed(self.accuracy), strict=True) if count <= iterations
        )


def trained_plainly(
    model: Model,
    images: Batches,
    tests: Batches,
    way: Way,
    iterations: int,
    *,
    seed: int = 0,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Curve:
    """Train a classifier in place by the loop of the lesson.

    Args:
        model: with its starting weights.
        images: to train on; each epoch takes every image once, in random order.
        tests: those of the lesson's test batch.
        way: optimizer, rate, and sum or mean.
        iterations: batches.
        seed: of the order of images.
    """
    generator = torch.Generator().manual_seed(seed)
    optimizer, curve = way.optimizer(model.parameters(), way.rate), Curve([], [], [])
    looks = {0, iterations, *EARLY, *(round(iterations * look / LOOKS) for look in range(1, LOOKS))}
    batch_size = min(BATCH, len(images))
    order: list[Tensor] = []
    for iteration in range(iterations + 1):
        if iteration in looks:
            _evaluate(model, tests, iteration, curve)
        if iteration == iterations:
            break
        if not order:
            whole = len(images) // batch_size * batch_size
            order = [*torch.randperm(len(images), generator=generator)[:whole].view(-1, batch_size)]
        batch = images.take(order.pop())
        assert batch.labels is not None  # the lesson checked
        loss = F.cross_entropy(model.classify(batch.x), batch.labels, reduction=way.reduction)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        on_progress(Progress(iteration + 1, iterations))
    model.eval()
    return curve


@torch.no_grad()
def _evaluate(model: Model, tests: Batches, iteration: int, curve: Curve) -> None:
    model.eval()
    batch = tests.take(slice(None))
    logits = model.classify(batch.x)
    assert batch.labels is not None  # the lesson checked
    curve.iterations.append(iteration)
    curve.accuracy.append(float((logits.argmax(dim=1) == batch.labels).float().mean()))
    curve.loss.append(float(F.cross_entropy(logits, batch.labels)))
    model.train()
