"""The outputs of members: one batch per thread, then gathered."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import numpy as np
import torch

from sablier.tasks.detection.members import Member, MemberOutput
from sablier.tasks.detection.members.covariates import covariates_of
from sablier.tasks.detection.parallel import in_parallel
from sablier.transforms.batches import Batch, Batches
from sablier.typing import Array

BatchOutputs = tuple[list[MemberOutput], Array]  # of each member, of a batch, and N,U covariates
Unseen = tuple[tuple[Member, ...], Batches]  # members, and images that they were not trained on


@torch.no_grad()
def score_batch(members: tuple[Member, ...], batch: Batch, pictures: bool = False) -> BatchOutputs:
    return [member.score(batch.x, pictures) for member in members], covariates_in(batch)


@torch.no_grad()
def covariates_in(batch: Batch) -> Array:
    """Return N,U covariates of the images of a batch."""
    return np.asarray(covariates_of(batch.x).numpy(), np.float64)


def outputs_on(unseen: Sequence[Unseen], pictures: bool = False) -> Iterator[BatchOutputs]:
    """Yield the outputs of members on the images that belong to them; with `pictures`, their anomaly maps, too."""
    for members, images in unseen:
        yield from in_parallel(partial(score_batch, members, pictures=pictures), images.for_scoring())


def statistics_in(outputs: Sequence[MemberOutput]) -> list[Array]:
    """Return N,J_k statistics of each member."""
    return [output.statistics.numpy() for output in outputs]


def statistics_of(batches: Iterable[BatchOutputs]) -> tuple[list[Array], Array]:
    """Return N,J_k statistics of each member, and N,U covariates; nothing else is kept."""
    rows = [(statistics_in(outputs), covariates) for outputs, covariates in batches]
    statistics = [np.concatenate(each) for each in zip(*(own for own, _ in rows), strict=True)]
    return statistics, np.concatenate([covariates for _, covariates in rows])
