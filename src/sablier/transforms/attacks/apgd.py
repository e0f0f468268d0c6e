"""Auto-PGD: steps uphill whose length is halved where they no longer gain (Croce and Hein 2020)."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from sablier.errors import ConfigError
from sablier.transforms.attacks.base import (
    ATTACKS,
    Climb,
    Logits,
    beaten,
    cross_entropy,
    difference_of_logits_ratio,
    input_gradient,
    wide,
)

MOMENTUM = 0.75  # of a step that goes on as the last one did
FIRST_LOOK, LESS_EACH_LOOK, LEAST_BETWEEN = 0.22, 0.03, 0.06  # shares of the steps after which lengths are looked at
ENOUGH = 0.75  # share of steps that must have gained for a length to be kept


@dataclass(frozen=True)
class _Apgd(Climb):
    """Auto-PGD of a loss."""

    @abstractmethod
    def losses(self, logits: Logits, x: Tensor, labels: Tensor) -> list[Callable[[Tensor, Tensor], Tensor]]:
        """Return losses of logits and rows of the batch, climbed one after another by the images that resist."""

    def run(self, logits: Logits, x: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        best = x.clone()
        with torch.no_grad():
            left = torch.nonzero(~beaten(logits(x), labels))[:, 0]
        for _ in range(self.restarts):
            for loss in self.losses(logits, x, labels):
                if not len(left):
                    return best
                rows = left
                start = self.random_start(x[rows], generator)
                moved, fooled = self._climbed(logits, loss, x[rows], labels[rows], rows, start)
                best[rows] = moved
                left = rows[~fooled]
        return best

    def _climbed(
        self, logits: Logits, loss: Callable[[Tensor, Tensor], Tensor], x: Tensor, labels: Tensor, rows: Tensor, start: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the images that were reached, those that fool the net or else those of the highest loss, and which do."""
        found, fooled = start.clone(), torch.zeros(len(x), dtype=torch.bool, device=x.device)
        alive = torch.arange(len(x), device=x.device)  # who is not beaten yet: the others take no more time
        here, before = start, start
        length = torch.full((len(x),), 2 * self.eps, device=x.device)
        highest = torch.full((len(x),), -torch.inf, device=x.device)
        top, top_gradient = start.clone(), torch.zeros_like(start)
        gained = torch.zeros(len(x), device=x.device)
        highest_then, length_then = highest.clone(), length.clone()
        look, since, between = max(1, round(FIRST_LOOK * self.steps)), 0, max(1, round(FIRST_LOOK * self.steps))
        last = highest.clone()
        for step in range(self.steps + 1):
            own = rows[alive]
            answers: list[Tensor] = []

            def climbed(images: Tensor, own: Tensor = own, answers: list[Tensor] = answers) -> Tensor:
                answers.append(logits(images))
                return loss(answers[-1], own)

            gradient, value = input_gradient(climbed, here)
            wins = beaten(answers[-1].detach(), labels[alive])
            better = value > highest
            top, top_gradient = (torch.where(wide(better), a, b) for a, b in ((here, top), (gradient, top_gradient)))
            highest = torch.where(better, value, highest)
            gained = gained + (value > last)
            last = value
            found[alive] = top
            found[alive[wins]], fooled[alive[wins]] = here[wins], True
            if step == self.steps or bool(wins.all()):
                break
            since += 1
            if since == look:
                stuck = (gained < ENOUGH * since) | ((length == length_then) & (highest <= highest_then))
                length_then, highest_then = length.clone(), highest.clone()
                length = torch.where(stuck, length / 2, length)
                # Who is stuck goes on from the best point so far.
                here, gradient = (torch.where(wide(stuck), a, b) for a, b in ((top, here), (top_gradient, gradient)))
                between = max(between - max(1, round(LESS_EACH_LOOK * self.steps)), max(1, round(LEAST_BETWEEN * self.steps)))
                look, since, gained = between, 0, torch.zeros_like(gained)
            step_to = self.within(here + wide(length) * self.uphill(gradient), x[alive])
            share = 1.0 if step == 0 else MOMENTUM
            moved = self.within(here + share * (step_to - here) + (1 - share) * (here - before), x[alive])
            before, here = here, moved
            keep = ~wins
            alive = alive[keep]
            here, before, length, highest, top, top_gradient, gained, highest_then, length_then, last = (
                each[keep] for each in (here, before, length, highest, top, top_gradient, gained, highest_then, length_then, last)
            )
        return found, fooled


@ATTACKS.register("apgd")
@dataclass(frozen=True)
class ApgdCe(_Apgd):
    """Auto-PGD of the cross-entropy."""

    def losses(self, logits: Logits, x: Tensor, labels: Tensor) -> list[Callable[[Tensor, Tensor], Tensor]]:
        return [lambda answers, rows: cross_entropy(answers, labels[rows])]


@ATTACKS.register("apgd-dlr")
@dataclass(frozen=True)
class ApgdDlr(_Apgd):
    """Auto-PGD of the difference of logits ratio; with two classes, of the cross-entropy, since the ratio takes three."""

    def losses(self, logits: Logits, x: Tensor, labels: Tensor) -> list[Callable[[Tensor, Tensor], Tensor]]:
        with torch.no_grad():
            classes = logits(x[:1]).shape[1]
        if classes < 3:
            return [lambda answers, rows: cross_entropy(answers, labels[rows])]
        return [lambda answers, rows: difference_of_logits_ratio(answers, labels[rows])]


@ATTACKS.register("apgd-t")
@dataclass(frozen=True)
class ApgdTargeted(_Apgd):
    """Auto-PGD towards each of the likeliest wrong classes in turn, by the targeted difference of logits ratio.

    Args:
        targets: how many classes, at most; with fewer than three classes, the cross-entropy is climbed instead.
    """

    targets: int = 9

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.targets < 1:
            raise ConfigError(f"expected at least 1 class to lead to, got {self.targets}.")

    def losses(self, logits: Logits, x: Tensor, labels: Tensor) -> list[Callable[[Tensor, Tensor], Tensor]]:
        with torch.no_grad():
            answers = logits(x).float()
        if answers.shape[1] < 3:
            return [lambda answers, rows: cross_entropy(answers, labels[rows])]
        others = answers.scatter(1, labels[:, None], -torch.inf).argsort(dim=1, descending=True)

        def towards(rank: int) -> Callable[[Tensor, Tensor], Tensor]:
            return lambda answers, rows: difference_of_logits_ratio(answers, labels[rows], others[rows, rank])

        return [towards(rank) for rank in range(min(self.targets, answers.shape[1] - 1))]
