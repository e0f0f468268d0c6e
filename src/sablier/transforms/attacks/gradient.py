"""Attacks by the gradient of the cross-entropy: one step, or many."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sablier.transforms.attacks.base import ATTACKS, Attack, IterativeAttack, Logits, cross_entropy, input_gradient, misclassified


@ATTACKS.register("fgsm")
@dataclass(frozen=True)
class Fgsm(Attack):
    """One step of length eps along the gradient (Goodfellow, Shlens and Szegedy 2015)."""

    def run(self, logits: Logits, x: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        gradient, _ = input_gradient(lambda images: cross_entropy(logits(images), labels), x)
        return self.project(x + self.eps * self.normalize(gradient), x)


@ATTACKS.register("pgd")
@dataclass(frozen=True)
class Pgd(IterativeAttack):
    """Gradient steps, each projected onto the perturbation set, from random points of it (Madry et al. 2018).

    A step is 2.5 eps / steps long, so that any corner of the perturbation set can be reached; with shorter steps networks
    only look robust.

    Args:
        reach: the summed length of all steps, in units of eps.
    """

    steps: int = 40
    reach: float = 2.5

    def run(self, logits: Logits, x: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        best, worst = x.clone(), torch.full((len(x),), -torch.inf, device=x.device)
        left = torch.arange(len(x), device=x.device)
        for _ in range(self.restarts):
            moved = self.iterate(logits, x[left], labels[left], generator)
            with torch.no_grad():
                answers = logits(moved)
            loss, fooled = cross_entropy(answers, labels[left]), misclassified(answers, labels[left])
            better = (loss > worst[left]) | fooled
            best[left[better]], worst[left[better]] = moved[better], loss[better]
            left = left[~fooled]
            if not len(left):
                break
        return best

    def iterate(self, logits: Logits, x: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Return the result of the steps from one random start."""
        moved = self.random_start(x, generator)
        for _ in range(self.steps):
            gradient, _ = input_gradient(lambda images: cross_entropy(logits(images), labels), moved)
            moved = self.project(moved + self.reach * self.eps / self.steps * self.normalize(gradient), x)
        return moved
