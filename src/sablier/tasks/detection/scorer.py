"""Members that look at images, and what normal images taught about what they see: one score and one heatmap per image."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from sablier.baselines import Baselines, thumbnails
from sablier.errors import TooFewImages
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import Part
from sablier.models.base import Model
from sablier.part_fit import check_finite
from sablier.tasks.detection.fusion import Fusion
from sablier.tasks.detection.looking import Seen, Unseen, look, looked_at, statistics_of
from sablier.tasks.detection.members import MEMBERS, Look, Member
from sablier.tasks.detection.parallel import in_parallel
from sablier.transforms.batches import Batch, Batches
from sablier.typing import Array


@dataclass(frozen=True)
class Scores:
    """What a scorer says of N images.

    Args:
        scores: N anomaly scores; higher is worse.
        contributions: N,K, what each member adds to them.
        baselines: N scores of each baseline, by name.
        heatmaps: N,H,W, in units of what is usual there in normal images; None unless asked for.
        reconstructions: N,H,W,C in [0, 1]; None unless asked for, or where no member draws.
    """

    scores: Array
    contributions: Array
    baselines: dict[str, Array]
    heatmaps: Array | None = None
    reconstructions: Array | None = None


@dataclass(frozen=True)
class _Judged:
    """What a scorer says of one batch; heat and reconstructions where they were asked for."""

    contributions: Array
    heat: Array | None = None
    reconstructions: Array | None = None


@dataclass(frozen=True)
class Scorer:
    """Members whose statistics are fused into one score, and the baselines fitted on the same images.

    Args:
        members: at least one; the first that can draws the reconstruction.
        says: K, how much each member's word counts, in the score and in the heatmap.
        usual_heat: K,H,W, the mean heat of normal images at each pixel, member by member; 1 for those that cannot tell where.
            K,1,1 where it is the same everywhere.
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
        normal: Sequence[Unseen],
        damaged: Sequence[Unseen] = (),
        seed: int = 0,
    ) -> "Scorer":
        """Fit the baselines on the training images and the fusion on images that members have not learnt from.

        Args:
            training: dense normal images.
            normal: normal images, and the members that look at them; where the members have learnt from them, others like these
                that have not.
            damaged: the same for images with defects made in them. Where there are any, statistics count by how well they tell
                these from the normal ones, rather than by what their members say of themselves.

        Raises:
            TooFewImages: for fewer than two normal images.
        """
        count = sum(len(images) for _, images in normal)
        if count < 2:
            raise TooFewImages(f"expected at least 2 normal images to fit the corrections on, got {count}.")
        heat = np.zeros((len(members), preprocess.height, preprocess.width))

        def heating(seen: Iterable[Seen]) -> Iterator[Seen]:
            for looks, nuisance in seen:
                for total, own in zip(heat, looks, strict=True):
                    total += (np.ones_like(total) * len(nuisance) if own.heat is None else own.heat.sum(axis=0)) / count
                yield looks, nuisance

        statistics, nuisance = statistics_of(heating(looked_at(normal)))
        if damaged:
            fused, says = Fusion.fit_by_defects(statistics, nuisance, *statistics_of(looked_at(damaged)))
        else:
            says = np.array([member.say for member in members])
            fused = Fusion.fit(statistics, says.tolist(), nuisance)
        return cls(
            members,
            preprocess,
            Baselines.fit(training.array, preprocess, seed),
            fused,
            says,
            _usual(heat, members),
        )

    @property
    def draws(self) -> bool:
        """Whether a member says what it expected of an image."""
        return any(member.draws for member in self.members)

    def judged(self, looks: list[Look], nuisance: Array, pictures: bool) -> "_Judged":
        """Return what the looks of the members at one batch come to."""
        contributions = self.fusion.contributions([look.statistics for look in looks], nuisance)
        if not pictures:
            return _Judged(contributions)
        drawn = next((look.reconstructions for look in looks if look.reconstructions is not None), None)
        return _Judged(contributions, check_finite("heatmaps", self._heat(looks)), drawn)

    def joined(self, images: ImageSet, small: Array, batches: Sequence["_Judged"], pictures: bool) -> Scores:
        """Return what all batches of dense images come to, given thumbnails of them."""
        height, width, channels = images.shape
        heats, drawn = [each.heat for each in batches], [each.reconstructions for each in batches]
        nothing = np.empty((0, height, width, channels), np.float32)
        contributions = np.concatenate([np.empty((0, len(self.members))), *(each.contributions for each in batches)])
        return Scores(
            check_finite("scores", contributions.sum(axis=1)),
            contributions,
            {name: check_finite("scores", found) for name, found in self.baselines.scores_of(small).items()},
            np.concatenate([nothing[..., 0], *(heat for heat in heats if heat is not None)]) if pictures else None,
            np.concatenate([nothing, *(each for each in drawn if each is not None)]) if pictures and self.draws else None,
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
    def from_parts(cls, parts: Mapping[str, Part], prefix: str, preprocess: Preprocess, shared: Mapping[str, Any]) -> "Scorer":
        """Return the scorer that `parts` kept; what members share with those of other folds is in `shared`, by kind."""
        fused = parts[f"{prefix}fusion"]
        tensors = dict(fused.tensors)
        heat, says = tensors.pop("usual_heat"), tensors.pop("says")

        def member(kind: str) -> Member:
            start = f"{prefix}{kind}/"
            own = {name.removeprefix(start): part for name, part in parts.items() if name.startswith(start)}
            return MEMBERS[kind].from_parts(own, shared.get(kind))

        members = tuple(member(kind) for kind in fused.config["members"])
        sizes = (1, 1), (preprocess.height, preprocess.width)
        if says.shape != (len(members),) or len(heat) != len(members) or heat.shape[1:] not in sizes:
            raise ValueError(f"{len(members)} members, {says.shape} says and heat of {heat.shape}")
        return cls(
            members, preprocess, Baselines.from_tensors(parts[f"{prefix}baselines"].tensors), Fusion(**tensors), says, heat
        )


def score_together(scorers: Sequence[Scorer], images: ImageSet, pictures: bool = False) -> list[Scores]:
    """Return what each scorer says of dense images; with `pictures`, heatmaps and reconstructions too.

    All of them look at a batch before the next one is made, so that what they share is computed once.
    """
    found: list[list[_Judged]] = [[] for _ in scorers]
    batches = Batches(images, scorers[0].preprocess)
    for seen in in_parallel(partial(_look_with_each, scorers), batches.for_scoring()):
        for scorer, of_scorer, (looks, nuisance) in zip(scorers, found, seen, strict=True):
            of_scorer.append(scorer.judged(looks, nuisance, pictures))
    small = thumbnails(images.array, scorers[0].preprocess)
    return [scorer.joined(images, small, judged, pictures) for scorer, judged in zip(scorers, found, strict=True)]


def _usual(heat: Array, members: Sequence[Member]) -> Array:
    """Return K,H,W float32: what the heat of each member is divided by, given its mean over normal images at each place.

    Where it is the same everywhere for all members, K,1,1.
    """
    everywhere = heat.mean(axis=(1, 2), keepdims=True)
    even = np.array([member.heat_is_even for member in members])[:, None, None]
    usual = everywhere if even.all() else np.where(even, everywhere, np.maximum(heat, 0.5 * everywhere))
    return np.asarray(usual + 1e-8, np.float32)


@torch.no_grad()
def _look_with_each(scorers: Sequence[Scorer], batch: Batch) -> list[Seen]:
    return [look(scorer.members, batch) for scorer in scorers]
