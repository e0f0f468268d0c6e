"""The scorers of a detector: the members of each fold are trained, fitted and fused, with a forecast."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np

from sablier.backbones import BackboneFile
from sablier.errors import ConfigError
from sablier.images.grouping import group_numbers
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models import Model
from sablier.recipes.config import NetworkConfig
from sablier.recipes.detection import DetectionRecipe
from sablier.tasks.detection.members import MEMBERS, Fitting, Member
from sablier.tasks.detection.members.backbone import OwnBackbone
from sablier.tasks.detection.parallel import watching
from sablier.tasks.detection.scorer import Scorer
from sablier.tasks.detection.symmetries import MOST_WITH_COPIES, UnseenImages, found_symmetries, with_turned_copies
from sablier.training.objectives import Objective
from sablier.transforms.batches import Batches
from sablier.transforms.defects import with_defects
from sablier.transforms.turns import Turn
from sablier.workflows.training.forecast import Forecast, counted_work
from sablier.workflows.training.network import train_model

MOST_UNSEEN = 4  # other folds that a fold's members are fused on
# Images of a fold that get synthetic defects: fewer large ones, which are in memory in single precision
MOST_DAMAGED, FEWEST_DAMAGED, PIXELS_DAMAGED = 32, 8, 27_000_000

Trained = Mapping[str, tuple[Model, Objective]]  # networks by the kind of their member, with their objectives


@dataclass(frozen=True)
class Uses:
    """The images for each use of one scorer.

    Args:
        effort: the share of the recipe's steps that its networks are trained for.
        validation: only reported, without influence.
        fusion: what members are fused on: held-out images, or with folds the training images.
        calibration: used for nothing else.
        folds: with folds, the images of all others, one set per fold, before the contamination filter.
    """

    name: str
    effort: float
    training: ImageSet
    validation: ImageSet
    fusion: ImageSet
    calibration: ImageSet
    folds: tuple[ImageSet, ...] = ()


@dataclass(frozen=True)
class Rates:
    """Seconds per image.

    Args:
        new: once, for an image that a network has not processed; its features are then kept for all folds.
        fit: for each fit of all members after the first.
        score: for each scoring by all members.
        calibrate: in calibration.
    """

    new: float
    fit: float
    score: float
    calibrate: float


class Making:
    """Makes scorers from their images: everything that is the same for all folds.

    Args:
        folds: how many there are.
        checkpoints: one for each network that is trained.
        backbone: the feature network that the user named.

    Raises:
        ConfigError: if no member uses the backbone.
        BackboneError: if it does not return feature maps of these images.
    """

    def __init__(
        self,
        recipe: DetectionRecipe,
        preprocess: Preprocess,
        folds: int,
        checkpoints: Iterable[Path | None],
        forecast: Forecast,
        backbone: BackboneFile | None = None,
    ) -> None:
        self.preprocess, self.seed, self.folds, self.forecast = preprocess, recipe.fit.seed, folds, forecast
        side = max(preprocess.height, preprocess.width)
        kinds, self.photos = recipe.networks(side), side > recipe.photo_side
        self.networks: dict[str, NetworkConfig | None] = kinds
        self.trained_kinds = [kind for kind, network in kinds.items() if network is not None]
        paths = chain(checkpoints, repeat(None))
        self.checkpoints = [{kind: next(paths) for kind in self.trained_kinds} for _ in range(folds)]
        if backbone is not None and OwnBackbone.kind not in kinds:
            raise ConfigError(
                f"no member would use the backbone {backbone.name}: the members for images of {preprocess.height} x "
                f"{preprocess.width} are {', '.join(kinds)}. Put {OwnBackbone.kind} among them."
            )
        self.shared = {kind: MEMBERS[kind].share(preprocess, backbone, folds, recipe.tiles) for kind in kinds}
        self.histories: dict[str, dict[str, Any]] = {}
        self._fitted: dict[tuple[tuple[ImageSet, ...], tuple[Turn, ...]], tuple[Member, ...]] = {}
        self._copies: dict[tuple[ImageSet, tuple[Turn, ...]], ImageSet] = {}
        self._made: dict[tuple[ImageSet, int], Batches] = {}
        self.most_damaged = max(FEWEST_DAMAGED, min(MOST_DAMAGED, PIXELS_DAMAGED // (preprocess.height * preprocess.width)))
        self.rates: Rates | None = None  # once they were measured

    def scorer(self, index: int, uses: Uses) -> Scorer:
        """Train and fit the members of a fold, and fuse them."""
        trained = {kind: self._trained(kind, index, uses) for kind in self.trained_kinds}
        with (
            self.forecast.stage(self.fitting(index)) as progressed,
            watching(self.forecast.tally(progressed, self.scored(index, uses))),
        ):
            return self.fitted(trained, uses)

    def fitted(self, trained: Trained, uses: Uses) -> Scorer:
        """Fit the members of a fold, whose networks are trained, and fuse them."""
        unseen = self._unseen(trained, uses)
        turns: tuple[Turn, ...] = ()
        if self.photos and not self.trained_kinds and not self.preprocess.ignored and 2 * len(uses.training) <= MOST_WITH_COPIES:
            turns = found_symmetries(unseen, self.preprocess)
        if turns:
            unseen = self._unseen(trained, uses, turns)
        members = unseen[0][0]
        if self.fused_unseen(uses):
            taught = [_kept(fold, uses.training) for fold in uses.folds]
            members = self.members(trained, self._with_copies(tuple(fold for fold in taught if len(fold)), turns), uses.fusion)
        damaged = [(members, self._damaged(images, len(unseen))) for members, images in unseen] if self.photos else []
        normal = [(members, Batches(_kept(images, uses.fusion), self.preprocess)) for members, images in unseen]
        return Scorer.fit(members, self.preprocess, uses.training, normal, damaged, turns, self.seed)

    def members(self, trained: Trained, parts: tuple[ImageSet, ...], normal: ImageSet) -> tuple[Member, ...]:
        """Fit the members on the parts of training images; `normal` are the images that they are fused on."""
        return tuple(MEMBERS[kind].fit(self._fitting(kind, trained, parts, normal)) for kind in self.networks)

    def config(self, kind: str, effort: float) -> NetworkConfig:
        """Return the configuration of a member's network with its share of the time and the options that these images need."""
        network = self.networks[kind]
        assert network is not None
        fit = replace(network.fit, steps=max(1, round(effort * network.fit.steps)), megapixels=effort * network.fit.megapixels)
        options = MEMBERS[kind].network_options(network.objective, self.preprocess)
        return replace(network, fit=fit, options={**network.options, **options})

    def training(self, kind: str, index: int) -> str:
        """Return the name of the stage that trains a network."""
        return f"training the network of {kind}{self._fold(index)}"

    def fitting(self, index: int) -> str:
        """Return the name of the stage that fits a fold."""
        return f"learning what good {self.nouns} look like{self._fold(index)}"

    def work(self, images: int) -> str:
        """Return the name of the whole work."""
        folds = f", {self.folds} folds" if self.folds > 1 else ""
        return counted_work(images, self.preprocess, self.nouns) + folds

    @property
    def nouns(self) -> str:
        """What images of this size are called."""
        return "photos" if self.photos else "images"

    def fused_unseen(self, uses: Uses) -> bool:
        """Whether members are fused on parts of the training images, by members fitted without that part."""
        return uses.fusion is uses.training and not self.trained_kinds

    def damaged(self, uses: Uses) -> int:
        """Return how many images get synthetic defects."""
        return min(self.most_damaged, len(uses.fusion)) if self.photos else 0

    def fits(self, uses: Uses) -> int:
        """Return the total number of images in all fits; what two folds share counts half."""
        apart = len(self._apart(uses)) if self.fused_unseen(uses) else 0
        return round(len(uses.training) * (1 + apart / 2 * (1 - 1 / max(apart, 2))))

    def scored(self, index: int, uses: Uses) -> int:
        """Return about how many images are scored until a fold is fused; features from the first fold serve the others."""
        return (0 if index else len(uses.training)) + len(uses.fusion) + self.damaged(uses)

    def _fold(self, index: int) -> str:
        return f", fold {index + 1} of {self.folds}" if self.folds > 1 else ""

    def _trained(self, kind: str, index: int, uses: Uses) -> tuple[Model, Objective]:
        network = self.config(kind, uses.effort)
        with self.forecast.stage(self.training(kind, index)) as progressed:
            model, history = train_model(
                uses.training, self.preprocess, network, MEMBERS[kind].needs,
                validation=uses.validation, member=index, checkpoint=self.checkpoints[index][kind], on_progress=progressed,
            )  # fmt: skip
        self.histories[f"{uses.name}/{kind}"] = history.__dict__
        return model, network.objective

    def _fitting(self, kind: str, trained: Trained, parts: tuple[ImageSet, ...], normal: ImageSet) -> Fitting:
        network, objective = trained.get(kind, (None, None))
        return Fitting(parts, self.preprocess, Batches(normal, self.preprocess), self.seed, network, objective, self.shared[kind])

    def _apart(self, uses: Uses) -> list[tuple[tuple[ImageSet, ...], ImageSet]]:
        """Return training images of members, and the images that these members are fused on.

        They are held-out images, or another fold in turn. On their training images, members are too similar to tell how much
        each should weigh. Fits without networks are fast, and members that leave out two folds serve both. So the
        contamination filter, which differs between these, is not applied to their training images.
        """
        if not self.fused_unseen(uses):
            return [((uses.training,), uses.fusion)]
        folds = uses.folds if len(uses.folds) > 1 else _halves(*uses.folds)
        return [(tuple(other for other in folds if other is not fold), fold) for fold in folds[:MOST_UNSEEN]]

    def _unseen(self, trained: Trained, uses: Uses, turns: tuple[Turn, ...] = ()) -> list[UnseenImages]:
        """Return members, fitted on training images and copies of these by `turns`, and the images that they are fused on."""
        found = []
        for parts, images in self._apart(uses):
            key = parts, turns
            if key not in self._fitted:
                self._fitted[key] = self.members(trained, self._with_copies(parts, turns), images)
            found.append((self._fitted[key], images))
        return found

    def _with_copies(self, parts: tuple[ImageSet, ...], turns: tuple[Turn, ...]) -> tuple[ImageSet, ...]:
        for part in parts:
            if (part, turns) not in self._copies:
                self._copies[part, turns] = with_turned_copies(part, turns)
        return tuple(self._copies[part, turns] for part in parts)

    def _damaged(self, images: ImageSet, sets: int) -> Batches:
        """Return some of the images with a synthetic defect in each; other folds get the same ones."""
        if (images, sets) not in self._made:
            order = np.random.default_rng(self.seed).permutation(len(images))
            some = images.take(np.sort(order[: -(-self.most_damaged // sets)]))
            unit = self.preprocess.model_copy(update={"dtype": "float32", "black": 0.0, "white": 1.0})
            self._made[images, sets] = Batches(ImageSet(with_defects(some, self.preprocess, self.seed)), unit)
        return self._made[images, sets]


def _kept(images: ImageSet, among: ImageSet) -> ImageSet:
    """Return the images that are among others."""
    kept = np.isin(images.ids, among.ids)
    return images if kept.all() else images.take(kept)


def _halves(images: ImageSet) -> tuple[ImageSet, ...]:
    """Return two halves of a set; no group is divided."""
    groups = group_numbers(images)
    first = np.isin(groups, np.unique(groups)[::2])
    return images.take(first), images.take(~first)
