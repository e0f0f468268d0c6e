"""A detector: its members trained, fused and calibrated on disjoint images."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np

from sablier.backbones import BackboneFile
from sablier.calibration import images_needed
from sablier.errors import ConfigError, TooFewImages
from sablier.images.grouping import count_groups, counted_groups, group_numbers
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile
from sablier.recipes.config import NetworkConfig, Recipe, of_task
from sablier.recipes.detection import DetectionRecipe
from sablier.tasks.detection.contamination import find_suspects
from sablier.tasks.detection.detect import TASK, Detector
from sablier.tasks.detection.members import MEMBERS, Fitting, Member
from sablier.tasks.detection.members.backbone import OwnBackbone
from sablier.tasks.detection.scorer import Scorer
from sablier.tasks.known_images import CALIBRATED, TRAINED, known_part
from sablier.transforms.batches import Batches
from sablier.typing import Array
from sablier.workflows.training.network import OnProgress, prepared, provenance, train_model

FEWEST = 8
MOST_CALIBRATION = 2000  # beyond this the band of the promise is narrow enough; more images train better
MOST_FUSION = 500
PARTS_UNSEEN = 3  # of the training images of a fold: members are fused on each as the others let them expect
FEWEST_CALIBRATION = images_needed(0.01)  # so that a split always supports a false-alarm rate of 1 %


@dataclass(frozen=True)
class Uses:
    """Which images each use of one scorer takes.

    Args:
        effort: the share of the recipe's steps that its networks train for.
        validation: only reported, never acted upon.
        fusion: what members are fused on: held-out images, or with folds those that trained.
        calibration: unseen by anything else.
    """

    name: str
    effort: float
    training: ImageSet
    validation: ImageSet
    fusion: ImageSet
    calibration: ImageSet


def train_detector(
    images: ImageSet,
    recipe: Recipe,
    *,
    backbone: BackboneFile | None = None,
    checkpoints: Iterable[Path | None] = (),
    on_progress: OnProgress = lambda stage, progress: None,
    on_groups: Callable[[ImageSet, Preprocess], object] = lambda dense, preprocess: None,
) -> ModelFile:
    """Train, fuse and calibrate a detector on normal images; return the model file.

    Images that may not belong among the others (`recipe.screen`) neither train nor fuse, but stay where they calibrate: to take
    the strangest images out of the calibration would break its promise. The model file lists them. What is screened out of the
    training and fusion images is found among these alone, so that no calibration image decides what is learnt.

    Training, fusion and calibration use disjoint images. With fewer than `recipe.folds_below` images every image
    calibrates the one scorer of `recipe.folds` that has not seen it. Groups of images that are not independent (`images.groups`,
    joined with those that repeat each other) are never divided, and each counts once.

    Args:
        backbone: a feature network of the user's own, which looks in place of the recipe's members (`with_backbone`).
        on_groups: called with the dense images, and what made them so, once their groups are known.

    Raises:
        TooFewImages: for fewer than 8 groups of images, or fewer than folds that were asked for.
        BackboneError: for a backbone that does not describe places of these images; ConfigError for one that nothing looks with.
    """
    recipe = of_task(recipe, DetectionRecipe)
    recipe = recipe if backbone is None else recipe.with_backbone()
    preprocess, dense, prints = prepared(images, recipe.size, FEWEST, repeats=recipe.repeats, near=True)
    on_groups(dense, preprocess)
    plan = plan_uses(dense, recipe)
    if recipe.screen:
        plan = [_screened(uses, preprocess, recipe.fit.seed) for uses in plan]
    making = _Making(recipe, preprocess, len(plan), backbone, chain(checkpoints, repeat(None)), on_progress)
    scorers = tuple(making.scorer(index, uses) for index, uses in enumerate(plan))
    detector = Detector.calibrated(scorers, tuple(uses.calibration for uses in plan))
    origin = provenance(dense, replace(recipe, members=tuple(making.networks)), images, preprocess)
    if recipe.screen:
        origin = origin.model_copy(update={"suspects": _suspects(dense, preprocess, plan, recipe.fit.seed)})
    parts = {**detector.parts(), **known_part(prints, _uses_of_each(dense, plan))}
    return ModelFile(TASK, preprocess, parts, making.histories, origin)


class _Making:
    """How scorers are made from their images: all that is the same for every fold.

    Args:
        folds: how many there are.
        backbone: the feature network that the user has named.
        paths: of the checkpoints, one for each network that is trained.
    """

    def __init__(
        self, recipe: DetectionRecipe, preprocess: Preprocess, folds: int, backbone: BackboneFile | None,
        paths: Iterator[Path | None], on_progress: OnProgress,
    ) -> None:  # fmt: skip
        self.preprocess, self.seed, self.folds = preprocess, recipe.fit.seed, folds
        self.paths, self.on_progress = paths, on_progress
        side = max(preprocess.height, preprocess.width)
        self.networks, self.photos = recipe.networks(side), side > recipe.photo_side
        if backbone is not None and OwnBackbone.kind not in self.networks:
            raise ConfigError(
                f"nothing would look with the backbone {backbone.name}: the members for images of {preprocess.height} x "
                f"{preprocess.width} are {', '.join(self.networks)}. Put {OwnBackbone.kind} among them."
            )
        self.shared = {kind: MEMBERS[kind].share(preprocess, backbone) for kind in self.networks}
        self.histories: dict[str, dict[str, Any]] = {}

    def scorer(self, index: int, uses: Uses) -> Scorer:
        """Train and fit the members of a fold, and fuse them."""
        members = tuple(self._member(kind, index, uses) for kind in self.networks)
        fusion = [(members, uses.fusion)]
        if uses.fusion is uses.training and not any(self.networks.values()):
            fusion = self._unseen(uses.training)
        return Scorer.fit(members, self.preprocess, uses.training, fusion, self.seed, small_defects=self.photos)

    def _member(self, kind: str, index: int, uses: Uses) -> Member:
        network, fitting = self.networks[kind], self._fitting(kind, uses.training, uses.fusion)
        if network is not None:
            fold = f", fold {index + 1} of {self.folds}" if self.folds > 1 else ""
            model, history = train_model(
                uses.training, self.preprocess, _network_for(kind, network, uses.effort, self.preprocess), MEMBERS[kind].needs,
                validation=uses.validation, member=index, checkpoint=next(self.paths),
                on_progress=partial(self.on_progress, f"training {kind}{fold}"),
            )  # fmt: skip
            self.histories[f"{uses.name}/{kind}"] = history.__dict__
            fitting = replace(fitting, network=model, objective=network.objective)
        return MEMBERS[kind].fit(fitting)

    def _fitting(self, kind: str, training: ImageSet, normal: ImageSet) -> Fitting:
        return Fitting(training, self.preprocess, Batches(normal, self.preprocess), self.seed, shared=self.shared[kind])

    def _unseen(self, training: ImageSet) -> list[tuple[tuple[Member, ...], ImageSet]]:
        """Return parts of training images, each with members that were fitted on the others alone.

        What members see in images that they know is too alike to tell how much each of them should count. To fit members
        without networks again takes little.
        """
        groups = group_numbers(training)
        found = []
        for part in np.array_split(np.random.default_rng(self.seed).permutation(np.unique(groups)), PARTS_UNSEEN):
            apart = np.isin(groups, part)
            if apart.any() and not apart.all():
                others = training.take(~apart)
                members = tuple(MEMBERS[kind].fit(self._fitting(kind, others, others)) for kind in self.networks)
                found.append((members, training.take(apart)))
        return found


def _suspects(dense: ImageSet, preprocess: Preprocess, plan: Sequence[Uses], seed: int) -> list[tuple[str, float]]:
    """Return names and scores of images that may not belong, of all images, those of calibration too; none of them has taught."""
    found = find_suspects(dense, preprocess, seed)
    taught = {name for uses in plan for each in (uses.training, uses.fusion) for name in each.ids.tolist()}
    return [pair for pair in zip(found.ids.tolist(), found.scores.tolist(), strict=True) if pair[0] not in taught]


def _uses_of_each(dense: ImageSet, plan: Sequence[Uses]) -> Array:
    """Return N: whether each image trained the model, or only calibrated it."""
    only_calibrate = np.isin(dense.ids, plan[0].calibration.ids) if len(plan) == 1 else np.zeros(len(dense), bool)
    return np.where(only_calibrate, CALIBRATED, TRAINED)


def _network_for(kind: str, network: NetworkConfig, effort: float, preprocess: Preprocess) -> NetworkConfig:
    """Return the network of a member as it is trained on these images: for its share of the time, with the options they need."""
    fit = replace(network.fit, steps=max(1, round(effort * network.fit.steps)), megapixels=effort * network.fit.megapixels)
    options = MEMBERS[kind].network_options(network.objective, preprocess)
    return replace(network, fit=fit, options={**network.options, **options})


def _screened(uses: Uses, preprocess: Preprocess, seed: int) -> Uses:
    """Return the uses without the training and fusion images that may not belong among the others."""
    apart = uses.fusion is not uses.training
    teaching = ImageSet.concatenate([uses.training, uses.fusion]) if apart else uses.training
    kept = np.ones(len(teaching), bool)
    kept[find_suspects(teaching, preprocess, seed).doubtful] = False
    training = uses.training.take(kept[: len(uses.training)])
    if not apart:
        return replace(uses, training=training, fusion=training)
    fusion = uses.fusion.take(kept[len(uses.training) :])
    return replace(uses, training=training, fusion=fusion, validation=fusion)


def plan_uses(dense: ImageSet, recipe: Recipe) -> list[Uses]:
    """Assign images to their disjoint uses: a single split where there are enough groups, cross-conformal folds below that.

    Raises:
        TooFewImages: for fewer groups than folds, or too few to train on.
    """
    recipe = of_task(recipe, DetectionRecipe)
    groups, count, seed = group_numbers(dense), count_groups(dense), recipe.fit.seed
    order = np.random.default_rng(seed).permutation(count)
    if count < recipe.folds_below:
        if count < recipe.folds:
            raise TooFewImages(
                f"expected at least as many groups of images as folds, {recipe.folds}, got {counted_groups(dense)}. Ask "
                f"for fewer: --set folds={count}."
            )
        plan = []
        for index, fold in enumerate(np.array_split(order, recipe.folds)):
            apart = np.isin(groups, fold)
            rest, left_out = dense.take(~apart), dense.take(apart)
            plan.append(Uses(f"fold-{index}", recipe.fold_effort, rest, left_out, rest, left_out))
        return plan
    calibration = min(MOST_CALIBRATION, max(FEWEST_CALIBRATION, round(recipe.calibration_share * count)))
    fusion = min(MOST_FUSION, round(recipe.fusion_share * count))
    edges = np.cumsum([calibration, fusion])
    if edges[-1] >= count:
        raise TooFewImages(
            f"{counted_groups(dense)} leave none to train on beside {calibration} for calibration and {fusion} for corrections. "
            f"Use folds for so few: --set folds_below={count + 1}."
        )
    held, fused, trained = (dense.take(np.isin(groups, part)) for part in np.split(order, edges))
    return [Uses("fold-0", 1.0, trained, fused, fused, held)]
