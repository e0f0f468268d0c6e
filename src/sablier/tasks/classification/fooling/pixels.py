"""The direct encoding: every pixel is a gene (Nguyen, Yosinski and Clune 2015)."""

import torch
from torch import Tensor

from sablier.tasks.classification.fooling.evolution import Encoding, Genes

# Share of a child's pixels that change, from the paper's value to its hundredth: many to leave noise, few to improve an
# image that is nearly there. The share is random for each child (heavy-tailed mutation; Doerr et al. 2017), and so is the
# number of its parents, since noise of different brightness combines badly.
MOST_MUTATED, LEAST_MUTATED = 0.1, 0.001
SHARPNESS = 15  # of the change of a pixel, as in the paper: the higher, the smaller
# First images span at least half of the range from black to white: flat ones would fill niches without success.
LEAST_CONTRAST = 0.5


class Pixels(Encoding):
    """Independent pixels; first images are noise between two random values of each image."""

    def fresh(self, count: int, random: torch.Generator) -> Genes:
        span, place = torch.rand(2, count, 1, 1, 1, generator=random)
        span = LEAST_CONTRAST + (1 - LEAST_CONTRAST) * span
        return ((1 - span) * place + span * torch.rand(count, *self.shape, generator=random),)

    def draw(self, genes: Genes) -> Tensor:
        return genes[0]

    def children(self, elites: Genes, niches: Tensor, random: torch.Generator) -> Genes:
        """Return children that take each pixel from one to all of the elites of their niche, with mutations."""
        (pixels,) = elites
        flat = pixels.flatten(2)
        mixed_from = torch.randint(1, flat.shape[1] + 1, (len(niches), 1), generator=random)
        parents = (mixed_from * torch.rand(len(niches), flat.shape[2], generator=random)).long()
        mixed = flat[niches[:, None], parents, torch.arange(flat.shape[2])].view(len(niches), *self.shape)
        share = MOST_MUTATED * (LEAST_MUTATED / MOST_MUTATED) ** torch.rand(len(mixed), 1, 1, 1, generator=random)
        hit = torch.rand(mixed.shape, generator=random) < share
        return (torch.where(hit, polynomial_mutation(mixed, random), mixed),)


def polynomial_mutation(x: Tensor, random: torch.Generator, sharpness: float = SHARPNESS) -> Tensor:
    """Return values in [0, 1] with small changes that stay in this range (Deb and Agrawal 1999).

    Args:
        sharpness: the change is about 1 / (1 + sharpness) of the way to either end.
    """
    chance = torch.rand(x.shape, generator=random)
    power = sharpness + 1.0
    down = (2 * chance + (1 - 2 * chance) * (1 - x) ** power) ** (1 / power) - 1
    up = 1 - (2 * (1 - chance) + (2 * chance - 1) * x**power) ** (1 / power)
    return (x + torch.where(chance < 0.5, down, up)).clamp(0, 1)
