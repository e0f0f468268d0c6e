"""DeepFool: repeated steps across the nearest decision boundary of the linearised network (Moosavi-Dezfooli et al. 2016)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sablier.errors import ConfigError
from sablier.transforms.attacks.base import ATTACKS, Attack, Logits, lengths, misclassified

OVERSHOOT = 0.02
MOST_CLASSES = 10  # the most probable ones, whose boundaries are considered


@ATTACKS.register("deepfool")
@dataclass(frozen=True)
class DeepFool(Attack):
    """The smallest perturbation that it finds; if that is outside the perturbation set, it is projected and mostly fails.

    Args:
        steps: at most.
    """

    steps: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps < 1:
            raise ConfigError(f"expected at least 1 step, got {self.steps}.")

    def run(self, logits: Logits, x: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        change = torch.zeros_like(x)
        left = torch.arange(len(x), device=x.device)
        for _ in range(self.steps):
            moved = (x[left] + (1 + OVERSHOOT) * change[left]).clamp(0, 1)
            with torch.enable_grad():
                moved.requires_grad_()
                answers = logits(moved).float()
                fooled = misclassified(answers.detach(), labels[left])
                if fooled.all():
                    break
                change[left] = change[left] + self._across(answers, moved, labels[left], fooled)
            left = left[~fooled]
        return self.project((x + (1 + OVERSHOOT) * change).clamp(0, 1), x)

    def _across(self, answers: Tensor, moved: Tensor, labels: Tensor, fooled: Tensor) -> Tensor:
        """Return the shortest perturbation across a boundary of the linearised network; none for misclassified images."""
        true = answers.gather(1, labels[:, None])[:, 0]
        order = answers.detach().scatter(1, labels[:, None], -torch.inf).argsort(dim=1, descending=True)
        shortest = torch.full((len(moved),), torch.inf, device=moved.device)
        found = torch.zeros_like(moved)
        for rank in range(min(MOST_CLASSES, answers.shape[1]) - 1):
            behind = true - answers.gather(1, order[:, rank : rank + 1])[:, 0]
            (gradient,) = torch.autograd.grad(-behind.sum(), moved, retain_graph=True)
            behind = behind.detach().clamp_min(0) + 1e-6
            # In linf the steepest direction changes all values alike, in l2 it is the gradient.
            size = gradient.abs().flatten(1).sum(dim=1) if self.norm == "linf" else lengths(gradient)
            distance = behind / size.clamp_min(1e-12)
            step = self.normalize(gradient) * distance[:, None, None, None]
            nearer = (distance < shortest) & ~fooled
            shortest = torch.where(nearer, distance, shortest)
            found = torch.where(nearer[:, None, None, None], step, found)
        return found
