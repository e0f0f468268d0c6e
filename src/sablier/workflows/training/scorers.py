"""The scorers of a detector: of each fold its members trained, fitted and fused, while the time left is told."""

from collections.abc import Iterable, Mapping, Sequence
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
from sablier.tasks.detection.looking import UnseenImages
from sablier.tasks.detection.members import MEMBERS, Fitting, Member
from sablier.tasks.detection.members.backbone import OwnBackbone
from sablier.tasks.detection.parallel import watching
from sablier.tasks.detection.scorer import MOST_DAMAGED, Scorer
from sablier.tasks.detection.symmetries import found_symmetries, with_turned_copies
from sablier.training.objectives import Objective
from sablier.transforms.batches import Batches
from sablier.transforms.turns import Turn
from sablier.workflows.training.forecast import Forecast, counted_work
from sablier.workflows.training.network import train_model

PARTS_UNSEEN = 3  # of the training images of a fold: members are fused on each as the others let them expect

Trained = Mapping[str, tuple[Model, Objective]]  # networks by the kind of their member, with what they were trained by


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


@dataclass(frozen=True)
class Rates:
    """How many seconds an image takes.

    Args:
        new: once, besides, where a network has not seen it yet; what it sees is then kept for all folds.
        fit: each time that all members are fitted on it.
        look: each time that all members look at it.
        calibrate: where it calibrates.
        looks_per_fit: how often it is looked at while all members are fitted on it.
    """

    new: float
    fit: float
    look: float
    calibrate: float
    looks_per_fit: float


class Making:
    """How scorers are made from their images: all that is the same for every fold.

    Args:
        folds: how many there are.
        checkpoints: one for each network that is trained.
        backbone: the feature network that the user has named.

    Raises:
        ConfigError: for a backbone that no member looks with.
        BackboneError: for one that does not describe places of these images.
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
                f"nothing would look with the backbone {backbone.name}: the members for images of {preprocess.height} x "
                f"{preprocess.width} are {', '.join(kinds)}. Put {OwnBackbone.kind} among them."
            )
        self.shared = {kind: MEMBERS[kind].share(preprocess, backbone, folds) for kind in kinds}
        self.histories: dict[str, dict[str, Any]] = {}
        self.rates: Rates | None = None  # once they have been measured

    def scorer(self, index: int, uses: Uses) -> Scorer:
        """Train and fit the members of a fold, and fuse them."""
        trained = {kind: self._trained(kind, index, uses) for kind in self.trained_kinds}
        with self.forecast.stage(self.fitting(index)) as progressed, watching(self.forecast.tally(progressed, self.looks(uses))):
            return self.fitted(trained, uses)

    def fitted(self, trained: Trained, uses: Uses) -> Scorer:
        """Fit the members of a fold, whose networks are trained, and fuse them."""
        apart = self._apart(uses)
        fusion = [self._unseen(trained, apart[0])]
        turns = found_symmetries(*fusion[0], self.preprocess) if self.photos and not self.trained_kinds else ()
        fusion = [] if turns else fusion
        fusion += [self._unseen(trained, each, turns) for each in apart[len(fusion) :]]
        members = self._unseen(trained, uses, turns)[0] if self.fused_unseen(uses) else fusion[0][0]
        return Scorer.fit(members, self.preprocess, uses.training, fusion, self.seed, small_defects=self.photos)

    def members(self, trained: Trained, training: ImageSet, normal: ImageSet) -> tuple[Member, ...]:
        """Fit the members on training images; `normal` are those that they are fused on."""
        return tuple(MEMBERS[kind].fit(self._fitting(kind, trained, training, normal)) for kind in self.networks)

    def config(self, kind: str, effort: float) -> NetworkConfig:
        """Return the network of a member as it is trained: for its share of the time, with the options these images need."""
        network = self.networks[kind]
        assert network is not None
        fit = replace(network.fit, steps=max(1, round(effort * network.fit.steps)), megapixels=effort * network.fit.megapixels)
        options = MEMBERS[kind].network_options(network.objective, self.preprocess)
        return replace(network, fit=fit, options={**network.options, **options})

    def training(self, kind: str, index: int) -> str:
        """Return what the training of a network is called."""
        return f"training the network of {kind}{self._fold(index)}"

    def fitting(self, index: int) -> str:
        """Return what the fitting of a fold is called."""
        return f"learning what good {self.nouns} look like{self._fold(index)}"

    def work(self, images: int) -> str:
        """Return what all of it is called."""
        folds = f", {self.folds} folds" if self.folds > 1 else ""
        return counted_work(images, self.preprocess, self.nouns) + folds

    @property
    def nouns(self) -> str:
        """What images of this size are called."""
        return "photos" if self.photos else "images"

    def fused_unseen(self, uses: Uses) -> bool:
        """Whether members are fused on parts of the training images, each as the others let them expect."""
        return uses.fusion is uses.training and not self.trained_kinds

    def damaged(self, uses: Uses) -> int:
        """Return how many images have defects made in them."""
        return min(MOST_DAMAGED, len(uses.fusion)) if self.photos else 0

    def fits(self, uses: Uses) -> int:
        """Return on how many images, counted each time, all members are fitted."""
        return len(uses.training) * (PARTS_UNSEEN if self.fused_unseen(uses) else 1)

    def looks(self, uses: Uses) -> int:
        """Return about how many images are looked at, counted each time, until a fold is fused."""
        per_fit = 1.0 if self.rates is None else self.rates.looks_per_fit
        return max(1, round(per_fit * self.fits(uses)) + len(uses.fusion) + self.damaged(uses))

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

    def _fitting(self, kind: str, trained: Trained, training: ImageSet, normal: ImageSet) -> Fitting:
        network, objective = trained.get(kind, (None, None))
        return Fitting(
            training, self.preprocess, Batches(normal, self.preprocess), self.seed, network, objective, self.shared[kind]
        )

    def _apart(self, uses: Uses) -> list[Uses]:
        """Return uses whose members are fused on images that they do not know: held-out ones, or parts of those that train.

        What members see in images that they know is too alike to tell how much each of them should count. To fit members
        without networks again takes little.
        """
        if not self.fused_unseen(uses):
            return [uses]
        groups = group_numbers(uses.training)
        found = []
        for part in np.array_split(np.random.default_rng(self.seed).permutation(np.unique(groups)), PARTS_UNSEEN):
            apart = np.isin(groups, part)
            if apart.any() and not apart.all():
                found.append(replace(uses, training=uses.training.take(~apart), fusion=uses.training.take(apart)))
        return found

    def _unseen(self, trained: Trained, uses: Uses, turns: Sequence[Turn] = ()) -> UnseenImages:
        """Return members, fitted on training images and copies of these by `turns`, and the images that they are fused on."""
        return self.members(trained, with_turned_copies(uses.training, turns), uses.fusion), uses.fusion
