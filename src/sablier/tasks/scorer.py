"""Members that look at images, and what normal images taught about what they see: one score and one heatmap per image."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import Tensor

from sablier.baselines import Baselines
from sablier.errors import TooFewImages
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import Part
from sablier.models.base import Model
from sablier.tasks.fusion import Fusion
from sablier.tasks.members import MEMBERS
from sablier.tasks.members.base import Look, Member
from sablier.tasks.members.nuisances import nuisances
from sablier.transforms.batches import Batch, Batches

Array = NDArray[Any]
Seen = tuple[list[Look], Array]
T = TypeVar("T")


@dataclass(frozen=True)
class Scores:
    """What a scorer says of N images.

    Args:
        scores: N anomaly scores; higher is worse.
        baselines: N scores of each baseline, by name.
        heatmaps: N,H,W, in units of what is usual there in normal images; None unless asked for.
        reconstructions: N,H,W,C in [0, 1]; None unless asked for.
    """

    scores: Array
    baselines: dict[str, Array]
    heatmaps: Array | None = None
    reconstructions: Array | None = None


@dataclass(frozen=True)
class Scorer:
    """Members whose statistics are fused into one score, and the baselines fitted on the same images.

    Args:
        members: at least one; the first that can tell where draws the heatmap, the first that draws the reconstruction.
        usual_heat: H,W, the mean heat of normal images at each pixel.
    """

    members: tuple[Member, ...]
    preprocess: Preprocess
    baselines: Baselines
    fusion: Fusion
    usual_heat: Array

    @classmethod
    def fit(
        cls, members: tuple[Member, ...], preprocess: Preprocess, training: ImageSet, fusion: ImageSet, seed: int = 0
    ) -> "Scorer":
        """Fit the baselines on the training images and the fusion on the fusion images, both dense and normal.

        Raises:
            TooFewImages: for fewer than two fusion images.
        """
        if len(fusion) < 2:
            raise TooFewImages(f"expected at least 2 normal images to fit the corrections on, got {len(fusion)}.")
        statistics, inputs, heat = [], [], np.zeros((preprocess.height, preprocess.width))
        for looks, nuisance in in_parallel(lambda batch: _look(members, batch.x), Batches(fusion, preprocess)):
            statistics.append([look.statistics for look in looks])
            inputs.append(nuisance)
            heat += _heat(looks).sum(axis=0)
        heat /= len(fusion)
        return cls(
            members,
            preprocess,
            Baselines.fit(training.array, preprocess, seed),
            Fusion.fit(
                [np.concatenate(each) for each in zip(*statistics, strict=True)],
                [member.say for member in members],
                np.concatenate(inputs),
            ),
            np.maximum(heat, 0.5 * heat.mean()) + 1e-8,
        )

    def score(self, images: ImageSet, pictures: bool = False) -> Scores:
        """Score dense images; with `pictures`, draw heatmaps and reconstructions too."""
        scores, heatmaps, reconstructions = [], [], []
        batches = Batches(images, self.preprocess)
        for looks, nuisance in in_parallel(lambda batch: _look(self.members, batch.x), batches):
            scores.append(self.fusion.score([look.statistics for look in looks], nuisance))
            if pictures:
                heatmaps.append(_heat(looks) / self.usual_heat)
                reconstructions.append(next(look.reconstructions for look in looks if look.reconstructions is not None))
        height, width, channels = images.shape
        return Scores(
            np.concatenate([np.empty(0), *scores]),
            self.baselines.scores(images.array, self.preprocess),
            np.concatenate([np.empty((0, height, width), np.float32), *heatmaps]) if pictures else None,
            np.concatenate([np.empty((0, height, width, channels), np.float32), *reconstructions]) if pictures else None,
        )

    @property
    def networks(self) -> dict[str, Model]:
        """The networks of those members that have one, by kind."""
        return {member.kind: member.network for member in self.members if member.network is not None}

    def parts(self, prefix: str) -> dict[str, Part]:
        """Return the parts a model file keeps, under names that start with `prefix`."""
        corrections = {"usual_heat": self.usual_heat, **{name: np.asarray(value) for name, value in vars(self.fusion).items()}}
        parts = {
            f"{prefix}fusion": Part("fusion", {"members": [member.kind for member in self.members]}, corrections),
            f"{prefix}baselines": Part("pca-knn", {}, self.baselines.tensors()),
        }
        for member in self.members:
            parts |= {f"{prefix}{member.kind}/{name}": part for name, part in member.parts().items()}
        return parts

    @classmethod
    def from_parts(cls, parts: Mapping[str, Part], prefix: str, preprocess: Preprocess) -> "Scorer":
        """Return the scorer that `parts` kept."""
        fused = parts[f"{prefix}fusion"]
        tensors = dict(fused.tensors)
        heat = tensors.pop("usual_heat")

        def member(kind: str) -> Member:
            start = f"{prefix}{kind}/"
            own = {name.removeprefix(start): part for name, part in parts.items() if name.startswith(start)}
            return MEMBERS[kind].from_parts(own)

        return cls(
            tuple(member(kind) for kind in fused.config["members"]),
            preprocess,
            Baselines.from_tensors(parts[f"{prefix}baselines"].tensors),
            Fusion(**tensors),
            heat,
        )


@torch.no_grad()
def _look(members: tuple[Member, ...], x: Tensor) -> Seen:
    return [member.look(x) for member in members], nuisances(x).numpy().astype(np.float64)


def _heat(looks: list[Look]) -> Array:
    return next(look.heat for look in looks if look.heat is not None)


def in_parallel(compute: Callable[[Batch], T], batches: Batches) -> Iterator[T]:
    """Yield what `compute` makes of each batch, in order; a batch a thread, which beats many threads a batch.

    Layers of a few dozen channels are too small to share among threads: waiting for each other at every layer costs more
    than it gains. As many batches as there are threads are held at once.
    """
    threads = torch.get_num_threads()
    size = batches.scoring_size
    if threads == 1 or len(batches) <= size:
        yield from map(compute, batches.in_order(size))
        return
    try:
        # NumPy's products would each start as many threads again.
        with threadpool_limits(1), ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            waiting: deque[Future[T]] = deque()
            for batch in batches.in_order(size):
                waiting.append(pool.submit(compute, batch))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
    finally:
        torch.set_num_threads(threads)
