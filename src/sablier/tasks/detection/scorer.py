"""Members that look at images, and what normal images taught about what they see: one score and one heatmap per image."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from sablier.baselines import Baselines
from sablier.errors import TooFewImages
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import Part
from sablier.models.base import Model
from sablier.part_fit import check_finite
from sablier.tasks.detection.fusion import Fusion, says_by_defects
from sablier.tasks.detection.members import MEMBERS, Look, Member
from sablier.tasks.detection.members.covariates import nuisances
from sablier.transforms.batches import Batch, Batches
from sablier.transforms.defects import synthetic_defects
from sablier.typing import Array

Seen = tuple[list[Look], Array]
T = TypeVar("T")

DEFECTS_AT_ONCE = 32


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
        members: at least one; the first that can draws the reconstruction.
        says: K, how much each member's word counts, in the score and in the heatmap.
        usual_heat: K,H,W, the mean heat of normal images at each pixel, member by member; 1 for those that cannot tell where.
    """

    members: tuple[Member, ...]
    preprocess: Preprocess
    baselines: Baselines
    fusion: Fusion
    says: Array
    usual_heat: Array

    @classmethod
    def fit(
        cls,
        members: tuple[Member, ...],
        preprocess: Preprocess,
        training: ImageSet,
        fusion: ImageSet,
        seed: int = 0,
        *,
        small_defects: bool = False,
    ) -> "Scorer":
        """Fit the baselines on the training images and the fusion on the fusion images, both dense and normal.

        Args:
            small_defects: whether a member's say is how well it tells the fusion images from copies of them with defects made
                here, rather than what it says of itself.

        Raises:
            TooFewImages: for fewer than two fusion images.
        """
        if len(fusion) < 2:
            raise TooFewImages(f"expected at least 2 normal images to fit the corrections on, got {len(fusion)}.")
        batches = Batches(fusion, preprocess)
        heat = np.zeros((len(members), preprocess.height, preprocess.width))

        def heating(seen: Iterable[Seen]) -> Iterator[Seen]:
            for looks, nuisance in seen:
                for total, look in zip(heat, looks, strict=True):
                    total += (np.ones_like(total) * len(nuisance) if look.heat is None else look.heat.sum(axis=0)) / len(fusion)
                yield looks, nuisance

        look = partial(_look, members)
        normal, nuisance = _statistics(heating(in_parallel(look, batches.for_scoring())))
        says = np.array([member.say for member in members])
        if small_defects and len(members) > 1:
            damaged = _statistics(in_parallel(look, _with_defects(fusion, preprocess, seed).for_scoring()))
            says = says_by_defects(normal, nuisance, *damaged)
        return cls(
            members,
            preprocess,
            Baselines.fit(training.array, preprocess, seed),
            Fusion.fit(normal, says.tolist(), nuisance),
            says,
            np.maximum(heat, 0.5 * heat.mean(axis=(1, 2), keepdims=True)) + 1e-8,
        )

    def score(self, images: ImageSet, pictures: bool = False) -> Scores:
        """Score dense images; with `pictures`, draw heatmaps and reconstructions too."""
        scores, heatmaps, reconstructions = [], [], []
        batches = Batches(images, self.preprocess)
        for looks, nuisance in in_parallel(partial(_look, self.members), batches.for_scoring()):
            scores.append(self.fusion.score([look.statistics for look in looks], nuisance))
            if pictures:
                heatmaps.append(check_finite("heatmaps", self._heat(looks)))
                reconstructions.append(next(look.reconstructions for look in looks if look.reconstructions is not None))
        height, width, channels = images.shape
        return Scores(
            check_finite("scores", np.concatenate([np.empty(0), *scores])),
            {name: check_finite("scores", found) for name, found in self.baselines.scores(images.array, self.preprocess).items()},
            np.concatenate([np.empty((0, height, width), np.float32), *heatmaps]) if pictures else None,
            np.concatenate([np.empty((0, height, width, channels), np.float32), *reconstructions]) if pictures else None,
        )

    def _heat(self, looks: list[Look]) -> Array:
        """Return N,H,W: the heats of those members that can tell where, against what is usual there, weighted by their say."""
        parts = [
            (say, look.heat / usual)
            for say, look, usual in zip(self.says, looks, self.usual_heat, strict=True)
            if look.heat is not None
        ]
        total = sum(say for say, _ in parts)
        return np.asarray(sum((say / total if total else 1 / len(parts)) * heat for say, heat in parts), np.float32)

    @property
    def networks(self) -> dict[str, Model]:
        """The networks of those members that have one, by kind."""
        found = {member.kind: member.trained_network for member in self.members}
        return {kind: network for kind, network in found.items() if network is not None}

    def parts(self, prefix: str) -> dict[str, Part]:
        """Return the parts a model file keeps, under names that start with `prefix`."""
        corrections = {
            "usual_heat": self.usual_heat,
            "says": self.says,
            **{name: np.asarray(value) for name, value in vars(self.fusion).items()},
        }
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
        heat, says = tensors.pop("usual_heat"), tensors.pop("says")

        def member(kind: str) -> Member:
            start = f"{prefix}{kind}/"
            own = {name.removeprefix(start): part for name, part in parts.items() if name.startswith(start)}
            return MEMBERS[kind].from_parts(own)

        members = tuple(member(kind) for kind in fused.config["members"])
        if says.shape != (len(members),) or heat.shape != (len(members), preprocess.height, preprocess.width):
            raise ValueError(f"{len(members)} members, {says.shape} says and heat of {heat.shape}")
        return cls(
            members, preprocess, Baselines.from_tensors(parts[f"{prefix}baselines"].tensors), Fusion(**tensors), says, heat
        )


@torch.no_grad()
def _look(members: tuple[Member, ...], batch: Batch) -> Seen:
    return [member.look(batch.x) for member in members], nuisances(batch.x).numpy().astype(np.float64)


def _with_defects(images: ImageSet, preprocess: Preprocess, seed: int) -> Batches:
    """Return dense images with a defect in each, drawn many at a time, since some defects come from the others."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        damaged = [synthetic_defects(batch.x, 1.0)[0] for batch in Batches(images, preprocess).in_order(DEFECTS_AT_ONCE)]
    pixels = torch.cat(damaged).permute(0, 2, 3, 1).contiguous().numpy()
    return Batches(ImageSet(pixels), preprocess.model_copy(update={"dtype": "float32", "black": 0.0, "white": 1.0}))


def _statistics(seen: Iterable[Seen]) -> tuple[list[Array], Array]:
    """Return of each member, N,J_k statistics, and N,U nuisances, and keep nothing else of what was seen."""
    rows = [([look.statistics for look in looks], nuisance) for looks, nuisance in seen]
    statistics = [np.concatenate(each) for each in zip(*(own for own, _ in rows), strict=True)]
    return statistics, np.concatenate([nuisance for _, nuisance in rows])


def in_parallel(compute: Callable[[Batch], T], batches: Iterable[Batch]) -> Iterator[T]:
    """Yield what `compute` makes of each batch, in order; a batch a thread, which beats many threads a batch.

    Layers of a few dozen channels are too small to share among threads: waiting for each other at every layer costs more
    than it gains. As many batches as there are threads are held at once.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        yield from map(compute, batches)
        return
    try:
        # NumPy's products would each start as many threads again.
        with threadpool_limits(1), ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            waiting: deque[Future[T]] = deque()
            for batch in batches:
                waiting.append(pool.submit(compute, batch))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
    finally:
        torch.set_num_threads(threads)
