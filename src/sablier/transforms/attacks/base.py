"""What attacks share: the perturbation set, projection onto it, their losses, and the test for misclassification."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from sablier.errors import ConfigError
from sablier.registry import Registry

Logits = Callable[[Tensor], Tensor]

NORMS = ("linf", "l2")
TOLERANCE = 1e-6  # of pixels beyond 0 or 1, and beyond the perturbation set: rounding errors


@dataclass(frozen=True)
class Attack(ABC):
    """An attack.

    Args:
        eps: the largest perturbation: of each value (linf), or of the image (l2 norm).
        norm: "linf" or "l2".
        seed: of its random choices; they depend on the number of images, not on earlier calls.
    """

    eps: float = 8 / 255
    norm: str = "linf"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise ConfigError(f"expected norm linf or l2, got {self.norm!r}.")
        # Every value of an image is in [0, 1]; in l2 a whole image may change.
        if not 0 <= self.eps <= (1 if self.norm == "linf" else 1000):
            raise ConfigError(
                f"expected eps from 0 to {'1, such as 8/255' if self.norm == 'linf' else '1000'}, got {self.eps:g}."
            )

    def __call__(self, logits: Logits, x: Tensor, labels: Tensor) -> Tensor:
        """Return N,C,H,W attacked images.

        Args:
            logits: returns N,classes for N,C,H,W images in [0, 1]; must be deterministic and independent of other images.
            labels: N true class numbers.

        Raises:
            ConfigError: for images outside [0, 1], or another number of labels.
        """
        if len(x) != len(labels):
            raise ConfigError(f"expected a label for each image, got {len(labels)} for {len(x)}.")
        if len(x) and (x.min() < -TOLERANCE or x.max() > 1 + TOLERANCE):
            raise ConfigError(f"expected pixels in [0, 1], got {float(x.min()):g} to {float(x.max()):g}. Scale them first.")
        if not len(x) or self.eps == 0:
            return x.clone()
        generator = torch.Generator(device=x.device).manual_seed(self.seed)
        return self.run(logits, x.clamp(0, 1), labels, generator).detach()

    @abstractmethod
    def run(self, logits: Logits, x: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Return the attacked images of a batch that was checked."""

    def project(self, moved: Tensor, x: Tensor) -> Tensor:
        """Return images projected onto the perturbation set around `x`, and into [0, 1]."""
        if self.norm == "linf":
            return torch.minimum(torch.maximum(moved, x - self.eps), x + self.eps).clamp(0, 1)
        change = moved - x
        shrink = (self.eps / lengths(change).clamp_min(1e-12)).clamp(max=1)
        nearer: Tensor = x + change * wide(shrink)
        return nearer.clamp(0, 1)  # which only brings them nearer

    def normalize(self, gradient: Tensor) -> Tensor:
        """Return the direction of steepest ascent with norm 1."""
        if self.norm == "linf":
            return gradient.sign()
        direction: Tensor = gradient / wide(lengths(gradient).clamp_min(1e-12))
        return direction

    def random_start(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Return random images of the perturbation set."""
        noise = torch.rand(x.shape, generator=generator, device=x.device) * 2 - 1
        if self.norm == "linf":
            return self.project(x + self.eps * noise, x)
        radius = torch.rand(len(x), generator=generator, device=x.device)
        return self.project(x + self.eps * wide(radius / lengths(noise).clamp_min(1e-12)) * noise, x)


# Attacks are classes in files of this package that register themselves here.
ATTACKS: Registry[type[Attack]] = Registry(
    "attack",
    __name__.rpartition(".")[0],
    first=("fgsm", "pgd", "apgd", "apgd-dlr", "apgd-t", "square", "deepfool", "standard"),
)


@dataclass(frozen=True)
class IterativeAttack(Attack):
    """An attack by many gradient steps.

    Args:
        steps: per start.
        restarts: how often an image that is still classified correctly is tried again from another start.
    """

    steps: int = 100
    restarts: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps < 1 or self.restarts < 1:
            raise ConfigError(f"expected at least 1 step and 1 start, got {self.steps} and {self.restarts}.")


def lengths(x: Tensor) -> Tensor:
    """Return N: the l2 norm of each image."""
    found: Tensor = torch.linalg.vector_norm(x.flatten(1), dim=1)
    return found


def wide(values: Tensor) -> Tensor:
    """Return N values as N,1,1,1, to broadcast with images."""
    return values[:, None, None, None]


def misclassified(logits: Tensor, labels: Tensor) -> Tensor:
    """Return N booleans: whether the predicted class is wrong."""
    return logits.argmax(dim=1) != labels


def margins(logits: Tensor, labels: Tensor) -> Tensor:
    """Return N: the margin of the true class; negative if misclassified."""
    logits = logits.float()
    true = logits.gather(1, labels[:, None])[:, 0]
    lead: Tensor = true - logits.scatter(1, labels[:, None], -torch.inf).amax(dim=1)
    return lead


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return N: the cross-entropy, in nats."""
    return F.cross_entropy(logits.float(), labels, reduction="none")


def difference_of_logits_ratio(logits: Tensor, labels: Tensor, targets: Tensor | None = None) -> Tensor:
    """Return N: the margin by which the true class is behind, relative to the spread of the logits (Croce and Hein 2020).

    Unlike the cross-entropy, it does not change with the scale of the logits, so a confident network does not mask its
    gradient.

    Args:
        targets: N target classes; None: any class but the true one.
    """
    logits = logits.float()
    ordered = logits.sort(dim=1, descending=True).values
    true = logits.gather(1, labels[:, None])[:, 0]
    if targets is not None:
        aim = logits.gather(1, targets[:, None])[:, 0]
        spread = ordered[:, 0] - (ordered[:, 2] + ordered[:, min(3, logits.shape[1] - 1)]) / 2
        return (aim - true) / spread.clamp_min(1e-12)
    best_other = torch.where(ordered[:, 0] == true, ordered[:, 1], ordered[:, 0])
    return (best_other - true) / (ordered[:, 0] - ordered[:, 2]).clamp_min(1e-12)


def input_gradient(loss: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradient of a loss, N, with respect to images, N,C,H,W, and the loss."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        found = loss(x)
        (gradient,) = torch.autograd.grad(found.sum(), x)
    return gradient, found.detach()
