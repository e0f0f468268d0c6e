"""Square Attack: random squares, kept if they help; it needs logits but no gradients (Andriushchenko et al. 2020)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sablier.errors import ConfigError
from sablier.transforms.attacks.base import ATTACKS, Attack, Logits, margins

FIRST_SHARE = 0.8  # of the pixels that the first squares cover
# Shares of all queries after which the squares are halved in area (of 10,000, in the paper's numbers).
SHRINK_AT = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)


@ATTACKS.register("square")
@dataclass(frozen=True)
class Square(Attack):
    """Squares of random colours at the edge of the linf perturbation set, at random positions.

    If it succeeds where gradient attacks fail, the network masks its gradients.

    Args:
        queries: the most evaluations of the network per image.
    """

    queries: int = 1000

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.norm != "linf":
            raise ConfigError("square attacks in the norm linf only. Choose norm=linf, or another attack.")
        if self.queries < 1:
            raise ConfigError(f"expected at least 1 query, got {self.queries}.")

    @torch.no_grad()
    def run(self, logits: Logits, x: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        def random(*shape: int) -> Tensor:
            return torch.rand(shape, generator=generator, device=x.device)

        count, channels, height, width = x.shape
        darkest, brightest = ((x + way * self.eps).clamp(0, 1) for way in (-1, 1))
        # It starts with vertical stripes.
        best = torch.where(random(count, channels, 1, width) < 0.5, brightest, darkest)
        lead = margins(logits(best), labels)
        for query in range(1, self.queries):
            left = torch.nonzero(lead > 0)[:, 0]
            if not len(left):
                break
            share = FIRST_SHARE / 2 ** sum(query > at * self.queries for at in SHRINK_AT)
            side = min(max(1, round((share * height * width) ** 0.5)), height, width)
            rows = (random(len(left)) * (height - side + 1)).long()
            columns = (random(len(left)) * (width - side + 1)).long()
            bright = (random(len(left), channels) < 0.5)[:, :, None, None]
            inside = (_between(rows, side, height)[:, :, None] & _between(columns, side, width)[:, None, :])[:, None]
            coloured = torch.where(bright, brightest[left], darkest[left])
            tries = torch.where(inside, coloured, best[left])
            found = margins(logits(tries), labels[left])
            better = found < lead[left]
            best[left[better]], lead[left[better]] = tries[better], found[better]
        return best


def _between(starts: Tensor, length: int, size: int) -> Tensor:
    places = torch.arange(size, device=starts.device)
    return (places >= starts[:, None]) & (places < starts[:, None] + length)
