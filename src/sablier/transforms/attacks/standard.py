"""Several attacks one after the other, each on the images that are still classified correctly (as in AutoAttack)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sablier.transforms.attacks.apgd import ApgdCe, ApgdTargeted
from sablier.transforms.attacks.base import ATTACKS, Attack, Logits, margins, misclassified
from sablier.transforms.attacks.square import Square

BLOCK, LEAST = 8, 32  # a block is an eighth of the remaining images, and at least 32 images


@ATTACKS.register("standard")
@dataclass(frozen=True)
class Standard(Attack):
    """Auto-PGD of the cross-entropy, Square if the norm is linf, and Auto-PGD towards likely wrong classes.

    AutoAttack (Croce and Hein 2020) runs such a sequence to its end. This one takes a small part of its time: misclassified
    images take no more time. The two slow attacks begin with the images nearest to a decision boundary, go on block by
    block, and stop at the first block without success. FAB is left out, since it hardly adds to the others.
    bench/robustness.py measures what is lost.

    Args:
        steps: of the first Auto-PGD; queries: of Square.
        targets, target_steps: the most probable wrong classes of an image, and the steps towards each.
    """

    steps: int = 100
    queries: int = 2000
    targets: int = 5
    target_steps: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        self.members()  # which check their values

    def members(self) -> list[Attack]:
        """Return the attacks in their order."""
        quick = ApgdCe(self.eps, self.norm, steps=self.steps)
        slow = ApgdTargeted(self.eps, self.norm, steps=self.target_steps, targets=self.targets)
        return [quick, Square(self.eps, queries=self.queries), slow] if self.norm == "linf" else [quick, slow]

    def run(self, logits: Logits, x: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        quick, *slow = self.members()
        best = quick.run(logits, x, labels, generator)
        with torch.no_grad():
            answers = logits(best)
        lead, stands = margins(answers, labels), ~misclassified(answers, labels)
        for attack in slow:
            left = torch.nonzero(stands)[:, 0]
            for block in torch.split(left[lead[left].argsort()], max(LEAST, -(-len(left) // BLOCK))):
                moved = attack.run(logits, x[block], labels[block], generator)
                with torch.no_grad():
                    answers = logits(moved)
                fooled, now = misclassified(answers, labels[block]), margins(answers, labels[block])
                nearer = fooled | (now < lead[block])
                best[block[nearer]], lead[block[nearer]] = moved[nearer], now[nearer]
                stands[block[fooled]] = False
                if not fooled.any():
                    break
        return best
