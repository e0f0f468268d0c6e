"""Auto-PGD: gradient steps whose length is halved when they no longer gain (Croce and Hein 2020)."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from sablier.errors import ConfigError
from sablier.transforms.attacks.base import (
    ATTACKS,
    IterativeAttack,
    Logits,
    cross_entropy,
    difference_of_logits_ratio,
    input_gradient,
    misclassified,
    wide,
)

MOMENTUM = 0.75  # of the previous step
FIRST_LOOK, LESS_EACH_LOOK, LEAST_BETWEEN = 0.22, 0.03, 0.06  # shares of the steps after which step lengths are checked
ENOUGH = 0.75  # share of steps that must have gained for a length to be kept


@dataclass(frozen=True)
class _Apgd(IterativeAttack):
    """Auto-PGD of a loss."""

    @abstractmethod
    def losses(self, logits: Logits, x: Tensor, labels: Tensor) -> list[Callable[[Tensor, Tensor], Tensor]]:
        """Return losses of logits and rows of the batch, maximised one after another for the remaining images."""

    def run(self, logits: Logits, x: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        best = x.clone()
        with torch.no_grad():
            left = torch.nonzero(~misclassified(logits(x), labels))[:, 0]
        for _ in range(self.restarts):
            for loss in self.losses(logits, x, labels):
                if not len(left):
                    return best
                rows = left
                start = self.random_start(x[rows], generator)
                moved, fooled = self._iterated(logits, loss, x[rows], labels[rows], rows, start)
                best[rows] = moved
                left = rows[~fooled]
        return best

    def _iterated(
        self, logits: Logits, loss: Callable[[Tensor, Tensor], Tensor], x: Tensor, labels: Tensor, rows: Tensor, start: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the final images (misclassified, or else those with the highest loss), and which are misclassified."""
        found, fooled = start.clone(), torch.zeros(len(x), dtype=torch.bool, device=x.device)
        iteration = _Iteration.begun(start, 2 * self.eps)
        look, since, between = max(1, round(FIRST_LOOK * self.steps)), 0, max(1, round(FIRST_LOOK * self.steps))
        for step in range(self.steps + 1):
            own = rows[iteration.alive]
            answers: list[Tensor] = []

            def iterate(images: Tensor, own: Tensor = own, answers: list[Tensor] = answers) -> Tensor:
                answers.append(logits(images))
                return loss(answers[-1], own)

            gradient, value = input_gradient(iterate, iteration.here)
            wins = misclassified(answers[-1].detach(), labels[iteration.alive])
            iteration.note(gradient, value)
            found[iteration.alive] = iteration.top
            found[iteration.alive[wins]], fooled[iteration.alive[wins]] = iteration.here[wins], True
            if step == self.steps or bool(wins.all()):
                break
            since += 1
            if since == look:
                gradient = iteration.look(gradient, since)
                between = max(between - max(1, round(LESS_EACH_LOOK * self.steps)), max(1, round(LEAST_BETWEEN * self.steps)))
                look, since = between, 0
            here = iteration.here
            step_to = self.project(here + wide(iteration.length) * self.normalize(gradient), x[iteration.alive])
            share = 1.0 if step == 0 else MOMENTUM
            moved = self.project(here + share * (step_to - here) + (1 - share) * (here - iteration.before), x[iteration.alive])
            iteration.before, iteration.here = here, moved
            iteration.keep(~wins)
        return found, fooled


@dataclass
class _Iteration:
    """The images under iteration; misclassified ones take no more time.

    Args:
        alive: N positions in the batch.
        here, before: N,C,H,W: the present images, and those one step ago.
        length: N, of the next step; length_then: at the last check.
        top, top_gradient, highest: the best images so far, their gradient, and their loss; highest_then: at the last check.
        last: N, the loss one step ago; gained: how many steps since the last check raised it.
    """

    alive: Tensor
    here: Tensor
    before: Tensor
    length: Tensor
    length_then: Tensor
    top: Tensor
    top_gradient: Tensor
    highest: Tensor
    highest_then: Tensor
    last: Tensor
    gained: Tensor

    @classmethod
    def begun(cls, start: Tensor, length: float) -> "_Iteration":
        """Return all N,C,H,W images at their start."""

        def full(value: float) -> Tensor:
            return torch.full((len(start),), value, device=start.device)

        return cls(
            alive=torch.arange(len(start), device=start.device),
            here=start,
            before=start,
            length=full(length),
            length_then=full(length),
            top=start.clone(),
            top_gradient=torch.zeros_like(start),
            highest=full(-torch.inf),
            highest_then=full(-torch.inf),
            last=full(-torch.inf),
            gained=full(0.0),
        )

    def note(self, gradient: Tensor, value: Tensor) -> None:
        """Note the gradients and the losses, N, of the present images."""
        better = value > self.highest
        self.top = torch.where(wide(better), self.here, self.top)
        self.top_gradient = torch.where(wide(better), gradient, self.top_gradient)
        self.highest = torch.where(better, value, self.highest)
        self.gained = self.gained + (value > self.last)
        self.last = value

    def look(self, gradient: Tensor, since: int) -> Tensor:
        """Halve the steps of images that gained too rarely, return them to their best point; return the gradients."""
        stuck = (self.gained < ENOUGH * since) | ((self.length == self.length_then) & (self.highest <= self.highest_then))
        self.length_then, self.highest_then = self.length.clone(), self.highest.clone()
        self.length = torch.where(stuck, self.length / 2, self.length)
        self.here = torch.where(wide(stuck), self.top, self.here)
        self.gained = torch.zeros_like(self.gained)
        return torch.where(wide(stuck), self.top_gradient, gradient)

    def keep(self, rows: Tensor) -> None:
        """Keep those of N booleans."""
        for item in fields(self):
            setattr(self, item.name, getattr(self, item.name)[rows])


@ATTACKS.register("apgd")
@dataclass(frozen=True)
class ApgdCe(_Apgd):
    """Auto-PGD of the cross-entropy."""

    def losses(self, logits: Logits, x: Tensor, labels: Tensor) -> list[Callable[[Tensor, Tensor], Tensor]]:
        return [lambda answers, rows: cross_entropy(answers, labels[rows])]


@ATTACKS.register("apgd-dlr")
@dataclass(frozen=True)
class ApgdDlr(_Apgd):
    """Auto-PGD of the difference of logits ratio; with two classes, of the cross-entropy, since the ratio needs three."""

    def losses(self, logits: Logits, x: Tensor, labels: Tensor) -> list[Callable[[Tensor, Tensor], Tensor]]:
        with torch.no_grad():
            classes = logits(x[:1]).shape[1]
        if classes < 3:
            return [lambda answers, rows: cross_entropy(answers, labels[rows])]
        return [lambda answers, rows: difference_of_logits_ratio(answers, labels[rows])]


@ATTACKS.register("apgd-t")
@dataclass(frozen=True)
class ApgdTargeted(_Apgd):
    """Auto-PGD towards each of the most probable wrong classes in turn, by the targeted difference of logits ratio.

    Args:
        targets: how many classes, at most; with fewer than three classes, the cross-entropy is maximised instead.
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
