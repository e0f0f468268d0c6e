"""A scorer: members, and the fusion of their outputs to one anomaly score and one anomaly map per image."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
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
from sablier.tasks.detection.member_outputs import BatchOutputs, Unseen, covariates_in, outputs_on, statistics_in, statistics_of
from sablier.tasks.detection.members import MEMBERS, Member, MemberOutput
from sablier.tasks.detection.parallel import in_parallel
from sablier.transforms.batches import Batch, Batches
from sablier.transforms.turns import Turn
from sablier.typing import Array


@dataclass(frozen=True)
class Scores:
    """The output of a scorer on N images.

    Args:
        scores: N anomaly scores; higher is more anomalous.
        contributions: N,K, of each member to the scores.
        baselines: N scores of each baseline, by name.
        anomaly_maps: N,H,W, relative to normal images at the same place; None unless asked for.
        reconstructions: N,H,W,C in [0, 1]; None unless asked for, or if no member reconstructs.
    """

    scores: Array
    contributions: Array
    baselines: dict[str, Array]
    anomaly_maps: Array | None = None
    reconstructions: Array | None = None


@dataclass(frozen=True)
class _Judged:
    """The output of a scorer on one batch; with the map and reconstructions if they were asked for."""

    contributions: Array
    anomaly_map: Array | None = None
    reconstructions: Array | None = None


@dataclass(frozen=True)
class Scorer:
    """Members whose statistics are fused to one score, and the baselines fitted on the same images.

    Args:
        members: at least one; the first that can returns the reconstruction.
        member_weights: K, the weight of each member in the score and in the anomaly map.
        usual_map: K,H,W, the mean anomaly map of normal images for each member; 1 for those that cannot localise. K,1,1 if
            it is the same everywhere.
        turns: those of which a copy of each training image trained the members, too.
    """

    members: tuple[Member, ...]
    preprocess: Preprocess
    baselines: Baselines
    fusion: Fusion
    member_weights: Array
    usual_map: Array
    turns: tuple[Turn, ...] = ()

    @classmethod
    def fit(
        cls,
        members: tuple[Member, ...],
        preprocess: Preprocess,
        training: ImageSet,
        normal: Sequence[Unseen],
        damaged: Sequence[Unseen] = (),
        turns: tuple[Turn, ...] = (),
        seed: int = 0,
    ) -> "Scorer":
        """Fit the baselines on the training images, and the fusion on images that members were not trained on.

        Args:
            training: dense normal images.
            normal: normal images with the members that score them: members that were not trained on these images.
            damaged: the same for images with synthetic defects. If there are any, they decide the weights of statistics, and
                not the weights of their members.
            turns: those of which copies trained the members.

        Raises:
            TooFewImages: for fewer than two normal images.
        """
        count = sum(len(images) for _, images in normal)
        if count < 2:
            raise TooFewImages(f"expected at least 2 normal images to fit the corrections on, got {count}.")
        usual = np.zeros((len(members), preprocess.height, preprocess.width))

        def summed(seen: Iterable[BatchOutputs]) -> Iterator[BatchOutputs]:
            for outputs, covariates in seen:
                for total, own in zip(usual, outputs, strict=True):
                    total += (len(covariates) if own.anomaly_map is None else own.anomaly_map.sum(dim=0).numpy()) / count
                yield outputs, covariates

        statistics, covariates = statistics_of(summed(outputs_on(normal, pictures=True)))
        if damaged:
            fused, weights = Fusion.fit_by_defects(statistics, covariates, *statistics_of(outputs_on(damaged)))
        else:
            weights = np.array([member.weight for member in members])
            fused = Fusion.fit(statistics, weights.tolist(), covariates)
        return cls(
            members,
            preprocess,
            Baselines.fit(training.array, preprocess, seed),
            fused,
            weights,
            _usual(usual, members),
            turns,
        )

    @property
    def draws(self) -> bool:
        """Whether a member returns reconstructions."""
        return any(member.draws for member in self.members)

    def judged(self, outputs: list[MemberOutput], covariates: Array, pictures: bool) -> "_Judged":
        """Return the scores that the outputs of the members on one batch give."""
        contributions = self.fusion.contributions(statistics_in(outputs), covariates)
        if not pictures:
            return _Judged(contributions)
        drawn = next((output.reconstructions for output in outputs if output.reconstructions is not None), None)
        anomaly_map = check_finite("anomaly maps", self._anomaly_map(outputs))
        return _Judged(contributions, anomaly_map, None if drawn is None else drawn.numpy())

    def joined(self, images: ImageSet, small: Array, batches: Sequence["_Judged"], pictures: bool) -> Scores:
        """Return the scores of all batches of dense images, given their thumbnails."""
        height, width, channels = images.shape
        maps, drawn = [each.anomaly_map for each in batches], [each.reconstructions for each in batches]
        nothing = np.empty((0, height, width, channels), np.float32)
        contributions = np.concatenate([np.empty((0, len(self.members))), *(each.contributions for each in batches)])
        return Scores(
            check_finite("scores", contributions.sum(axis=1)),
            contributions,
            {name: check_finite("scores", found) for name, found in self.baselines.scores_of(small).items()},
            np.concatenate([nothing[..., 0], *(each for each in maps if each is not None)]) if pictures else None,
            np.concatenate([nothing, *(each for each in drawn if each is not None)]) if pictures and self.draws else None,
        )

    def _anomaly_map(self, outputs: list[MemberOutput]) -> Array:
        """Return N,H,W: the weighted mean of the maps of the members that have one, relative to normal images."""
        parts = [
            (weight, output.anomaly_map.numpy() / usual)
            for weight, output, usual in zip(self.member_weights, outputs, self.usual_map, strict=True)
            if output.anomaly_map is not None
        ]
        total = sum(weight for weight, _ in parts)
        return np.asarray(sum((weight / total if total else 1 / len(parts)) * own for weight, own in parts), np.float32)

    @property
    def networks(self) -> dict[str, Model]:
        """The networks of the members that have one, by kind."""
        found = {member.kind: member.trained_network for member in self.members}
        return {kind: network for kind, network in found.items() if network is not None}

    def parts(self, prefix: str) -> dict[str, Part]:
        """Return the parts that a model file keeps, under names that start with `prefix`."""
        corrections = {
            "usual_map": self.usual_map,
            "member_weights": self.member_weights,
            **{name: np.asarray(value) for name, value in vars(self.fusion).items()},
        }
        config = {"members": [member.kind for member in self.members], "turns": [asdict(turn) for turn in self.turns]}
        parts = {
            f"{prefix}fusion": Part("fusion", config, corrections),
            f"{prefix}baselines": Part("pca-knn", {}, self.baselines.tensors()),
        }
        for member in self.members:
            parts |= {f"{prefix}{member.kind}/{name}": part for name, part in member.parts().items()}
        return parts

    @classmethod
    def from_parts(cls, parts: Mapping[str, Part], prefix: str, preprocess: Preprocess, shared: Mapping[str, Any]) -> "Scorer":
        """Return the scorer that `parts` kept; what members share with other folds is in `shared`, by kind."""
        fused = parts[f"{prefix}fusion"]
        tensors = dict(fused.tensors)
        usual, weights = tensors.pop("usual_map"), tensors.pop("member_weights")

        def member(kind: str) -> Member:
            start = f"{prefix}{kind}/"
            own = {name.removeprefix(start): part for name, part in parts.items() if name.startswith(start)}
            return MEMBERS[kind].from_parts(own, shared.get(kind))

        members = tuple(member(kind) for kind in fused.config["members"])
        sizes = (1, 1), (preprocess.height, preprocess.width)
        if weights.shape != (len(members),) or len(usual) != len(members) or usual.shape[1:] not in sizes:
            raise ValueError(f"{len(members)} members, {weights.shape} weights and a usual map of {usual.shape}")
        baselines = Baselines.from_tensors(parts[f"{prefix}baselines"].tensors)
        turns = tuple(Turn(**turn) for turn in fused.config.get("turns", ()))
        if preprocess.height != preprocess.width and any(turn.quarters % 2 for turn in turns):
            raise ValueError(f"quarter turns of images of {preprocess.height} x {preprocess.width}")
        return cls(members, preprocess, baselines, Fusion(**tensors), weights, usual, turns)


def score_together(scorers: Sequence[Scorer], images: ImageSet, pictures: bool = False) -> list[Scores]:
    """Return the output of each scorer on dense images; with `pictures`, anomaly maps and reconstructions, too.

    All scorers score a batch before the next one is made, so that what they share is computed once.
    """
    found: list[list[_Judged]] = [[] for _ in scorers]
    batches = Batches(images, scorers[0].preprocess)
    for seen in in_parallel(partial(_score_with_each, scorers, pictures), batches.for_scoring()):
        for scorer, of_scorer, (outputs, covariates) in zip(scorers, found, seen, strict=True):
            of_scorer.append(scorer.judged(outputs, covariates, pictures))
    small = thumbnails(images.array, scorers[0].preprocess)
    return [scorer.joined(images, small, judged, pictures) for scorer, judged in zip(scorers, found, strict=True)]


def _usual(mean: Array, members: Sequence[Member]) -> Array:
    """Return K,H,W float32: what the map of each member is divided by, given its mean over normal images at each place.

    K,1,1 if it is the same everywhere for all members.
    """
    everywhere = mean.mean(axis=(1, 2), keepdims=True)
    even = np.array([member.map_is_even for member in members])[:, None, None]
    usual = everywhere if even.all() else np.where(even, everywhere, np.maximum(mean, 0.5 * everywhere))
    return np.asarray(usual + 1e-8, np.float32)


@torch.no_grad()
def _score_with_each(scorers: Sequence[Scorer], pictures: bool, batch: Batch) -> list[BatchOutputs]:
    covariates = covariates_in(batch)
    return [([member.score(batch.x, pictures) for member in scorer.members], covariates) for scorer in scorers]
