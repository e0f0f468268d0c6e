"""Evolution for all classes at once: a niche for each class, which any child may enter (MAP-Elites, Mouret and Clune 2015).

Nguyen, Yosinski and Clune (2015) keep the best image of each class. Here a niche keeps its ten best, so that their pixels
can be combined. That takes a few hundred generations; mutation alone takes thousands.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from sablier.tasks.classification.fooling.base import Found, Goal, OnProgress, as_bytes

FIRST = 100  # images of the first generation
ELITES = 10  # of a niche
CHILDREN = 10  # of a niche in each generation

Genes = tuple[Tensor, ...]  # what images are made from; the first axis of each tensor counts images


class Encoding(ABC):
    """An encoding: how genes become an image, and how they vary.

    Args:
        shape: C,H,W of an image.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.shape = shape

    @abstractmethod
    def fresh(self, count: int, random: torch.Generator) -> Genes:
        """Return the genes of `count` first images."""

    @abstractmethod
    def draw(self, genes: Genes) -> Tensor:
        """Return the images of N genes, N,C,H,W in [0, 1]."""

    @abstractmethod
    def children(self, elites: Genes, niches: Tensor, random: torch.Generator) -> Genes:
        """Return the genes of N children with random changes.

        Args:
            elites: genes whose first two axes are K niches and their elites, the best first.
            niches: N: the niche of the parents of each child.
        """


@dataclass(frozen=True)
class Niches:
    """The elites of every class: log odds K,E, highest first, and genes K,E,... of K niches."""

    log_odds: Tensor
    genes: Genes

    @classmethod
    def of(cls, genes: Genes, log_odds: Tensor) -> "Niches":
        """Return niches filled from N first images and their log odds N,K."""
        best, places = log_odds.T.topk(min(ELITES, len(log_odds)), dim=1)
        return cls(best, tuple(gene[places] for gene in genes))

    def challenged(self, genes: Genes, log_odds: Tensor) -> "Niches":
        """Return the niches after N children with log odds N,K: each replaces an elite wherever it is better."""
        held = self.log_odds.shape[1]
        best, places = torch.cat([self.log_odds, log_odds.T], dim=1).topk(held, dim=1)
        stays, elder, child = places < held, places.clamp(max=held - 1), (places - held).clamp(min=0)
        niche = torch.arange(len(best))[:, None]
        kept = []
        for old, new in zip(self.genes, genes, strict=True):
            chosen = stays.view(*stays.shape, *[1] * (old.dim() - 2))
            kept.append(torch.where(chosen, old[niche, elder], new[child]))
        return Niches(best, tuple(kept))

    def below(self, enough: float) -> Tensor:
        """Return the numbers of the niches whose best is below these log odds."""
        return torch.nonzero(self.log_odds[:, 0] < enough)[:, 0]

    @property
    def champions(self) -> Genes:
        """The genes of the best of each niche."""
        return tuple(gene[:, 0] for gene in self.genes)


@torch.no_grad()
def evolve(encoding: Encoding, goal: Goal, on_progress: OnProgress = lambda images: None) -> Found:
    """Evolve images until the classifier is sure of one for each class, or generations run out.

    The parents are from niches below the goal; the children compete in all niches. The classifier evaluates all children of
    a generation at once.

    Args:
        on_progress: called with the number of images that the classifier has evaluated.
    """
    random = torch.Generator().manual_seed(goal.seed)
    children = encoding.fresh(FIRST, random)
    niches = Niches.of(children, goal.judged(encoding.draw(children)))
    generations, looked = 0, FIRST
    while len(unsure := niches.below(goal.enough)) and generations < goal.generations:
        children = encoding.children(niches.genes, unsure.repeat(CHILDREN), random)
        niches = niches.challenged(children, goal.judged(encoding.draw(children)))
        generations, looked = generations + 1, looked + len(unsure) * CHILDREN
        on_progress(looked)
    return Found(as_bytes(encoding.draw(niches.champions)), generations)
