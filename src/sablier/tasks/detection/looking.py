"""What members see in images: looked at a batch a thread, and gathered."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import numpy as np
import torch

from sablier.tasks.detection.members import Look, Member
from sablier.tasks.detection.members.covariates import nuisances
from sablier.tasks.detection.parallel import in_parallel
from sablier.transforms.batches import Batch, Batches
from sablier.typing import Array

Seen = tuple[list[Look], Array]  # what each member saw in a batch, and N,U nuisances
Unseen = tuple[tuple[Member, ...], Batches]  # members, and images that they have not learnt from


@torch.no_grad()
def look(members: tuple[Member, ...], batch: Batch) -> Seen:
    return [member.look(batch.x) for member in members], nuisances(batch.x).numpy().astype(np.float64)


def looked_at(unseen: Sequence[Unseen]) -> Iterator[Seen]:
    """Yield what members see in the images that are theirs."""
    for looking, images in unseen:
        yield from in_parallel(partial(look, looking), images.for_scoring())


def statistics_of(seen: Iterable[Seen]) -> tuple[list[Array], Array]:
    """Return of each member, N,J_k statistics, and N,U nuisances, and keep nothing else of what was seen."""
    rows = [([look.statistics for look in looks], nuisance) for looks, nuisance in seen]
    statistics = [np.concatenate(each) for each in zip(*(own for own, _ in rows), strict=True)]
    return statistics, np.concatenate([nuisance for _, nuisance in rows])
