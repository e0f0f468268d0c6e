"""Several attacks one after the other, the quick ones first, each on the images that stand (the idea of AutoAttack)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sablier.transforms.attacks.apgd import ApgdCe, ApgdTargeted
from sablier.transforms.attacks.base import Attack, Logits, beaten
from sablier.transforms.attacks.square import Square


@dataclass(frozen=True)
class Standard(Attack):
    """Auto-PGD of the cross-entropy, Square where the norm is linf, then Auto-PGD towards each wrong class (Croce and Hein 2020).

    Where it differs from AutoAttack: beaten images take no more time at all, also within an attack; steps and queries are fewer;
    FAB is left out, whose finds the others make too.

    Args:
        steps: of the first Auto-PGD; target_steps: towards each class; queries: of Square.
    """

    steps: int = 50
    target_steps: int = 20
    queries: int = 1000

    def members(self) -> list[Attack]:
        """Return the attacks in their order."""
        found: list[Attack] = [ApgdCe(self.eps, self.norm, steps=self.steps)]
        if self.norm == "linf":
            found.append(Square(self.eps, queries=self.queries))
        return [*found, ApgdTargeted(self.eps, self.norm, steps=self.target_steps)]

    def run(self, logits: Logits, x: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        best = x.clone()
        left = torch.arange(len(x), device=x.device)
        for attack in self.members():
            moved = attack.run(logits, x[left], labels[left], generator)
            with torch.no_grad():
                fooled = beaten(logits(moved), labels[left])
            best[left[fooled]] = moved[fooled]
            left = left[~fooled]
            if not len(left):
                break
        return best
