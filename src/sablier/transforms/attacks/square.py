"""Square Attack: random squares, kept where they help; it sees answers alone, never gradients (Andriushchenko et al. 2020)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sablier.errors import ConfigError
from sablier.transforms.attacks.base import Attack, Logits

FIRST_SHARE = 0.8  # of the pixels that the first squares cover
# Shares of all queries after which the squares shrink to half of their pixels (of 10,000, in the paper's numbers).
SHRINK_AT = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True)
class Square(Attack):
    """Squares of random colours at the edge of the linf ball, placed at random.

    What it beats and gradients do not tells of a net that hides its gradients.

    Args:
        queries: how often the net is asked about an image, at most.
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
        # Stripes from top to bottom to begin with.
        best = self.within(x + self.eps * (2 * (random(count, channels, 1, width) < 0.5).float() - 1), x)
        margins = self._margins(logits, best, labels)
        for query in range(1, self.queries):
            left = torch.nonzero(margins > 0)[:, 0]
            if not len(left):
                break
            share = FIRST_SHARE / 2 ** sum(query > at * self.queries for at in SHRINK_AT)
            side = min(max(1, round((share * height * width) ** 0.5)), height, width)
            tries = best[left].clone()
            rows = (random(len(left)) * (height - side + 1)).long()
            columns = (random(len(left)) * (width - side + 1)).long()
            signs = 2 * (random(len(left), channels) < 0.5).float() - 1
            inside = (_between(rows, side, height)[:, :, None] & _between(columns, side, width)[:, None, :])[:, None]
            coloured = self.within(x[left] + self.eps * signs[:, :, None, None], x[left])
            tries = torch.where(inside, coloured, tries)
            found = self._margins(logits, tries, labels[left])
            better = found < margins[left]
            best[left[better]], margins[left[better]] = tries[better], found[better]
        return best

    def _margins(self, logits: Logits, x: Tensor, labels: Tensor) -> Tensor:
        """Return N: how far the true class leads; below 0 the net errs."""
        answers = logits(x).float()
        true = answers.gather(1, labels[:, None])[:, 0]
        margins: Tensor = true - answers.scatter(1, labels[:, None], -torch.inf).amax(dim=1)
        return margins


def _between(starts: Tensor, length: int, size: int) -> Tensor:
    places = torch.arange(size, device=starts.device)
    return (places >= starts[:, None]) & (places < starts[:, None] + length)
