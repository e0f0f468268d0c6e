"""A detector: trained, corrected and calibrated on disjoint images."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from sablier.calibration import images_needed
from sablier.errors import TooFewImages
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.tasks.detect import TASK, Detector
from sablier.tasks.scorer import Scorer
from sablier.training.config import FitConfig
from sablier.training.recipes import Recipe
from sablier.workflows.network import OnProgress, prepared, provenance, train_model

FEWEST = 8
MOST_CALIBRATION = 2000  # beyond this the band of the promise is narrow enough; more images train better
MOST_FUSION = 500
FEWEST_CALIBRATION = images_needed(0.01)  # so that a split always supports a false-alarm rate of 1 %


@dataclass(frozen=True)
class Member:
    """One training of the whole: for how long, and which images each use takes.

    Args:
        validation: only reported, never acted upon.
        fusion: what corrections are fitted on: held-out images, or with folds those that trained.
        calibration: unseen by anything else.
    """

    name: str
    fit: FitConfig
    training: ImageSet
    validation: ImageSet
    fusion: ImageSet
    calibration: ImageSet


def train_detector(
    images: ImageSet,
    recipe: Recipe,
    *,
    checkpoints: Iterable[Path | None] = (),
    on_progress: OnProgress = lambda stage, progress: None,
) -> ModelFile:
    """Train, correct and calibrate a detector on normal images; return the model file.

    Training, corrections and calibration use disjoint images. With fewer than `recipe.folds_below` images every image
    calibrates the one model of `recipe.folds` that has not seen it.

    Raises:
        TooFewImages: for fewer than 8 images.
    """
    preprocess, dense = prepared(images, recipe, FEWEST)
    members = plan_members(dense, recipe)
    paths: list[Path | None] = [*checkpoints, *([None] * len(members))]
    scorers, histories = [], {}
    for index, (member, path) in enumerate(zip(members, paths, strict=False)):
        stage = "training" if len(members) == 1 else f"training fold {index + 1} of {len(members)}"
        model, history = train_model(
            member.training, preprocess, replace(recipe, fit=member.fit), validation=member.validation, member=index,
            checkpoint=path, on_progress=partial(on_progress, stage),
        )  # fmt: skip
        histories[member.name] = history.__dict__
        scorers.append(Scorer.fit(model, preprocess, member.training, member.fusion))
    detector = Detector.calibrated(tuple(scorers), tuple(member.calibration for member in members))
    return ModelFile(TASK, preprocess, detector.parts(), histories, provenance(dense, recipe))


def plan_members(dense: ImageSet, recipe: Recipe) -> list[Member]:
    """Assign images to their disjoint uses: a single split where there are enough, cross-conformal folds below that."""
    count, seed = len(dense), recipe.fit.seed
    order = np.random.default_rng(seed).permutation(count)
    if count < recipe.folds_below:
        folds = np.array_split(order, min(recipe.folds, count))
        fit, effort = recipe.fit, recipe.fold_effort
        shorter = replace(fit, steps=max(1, round(effort * fit.steps)), megapixels=effort * fit.megapixels)
        members = []
        for index, fold in enumerate(folds):
            rest, left_out = dense.take(np.setdiff1d(order, fold)), dense.take(np.sort(fold))
            members.append(Member(f"member-{index}", shorter, rest, left_out, rest, left_out))
        return members
    calibration = min(MOST_CALIBRATION, max(FEWEST_CALIBRATION, round(recipe.calibration_share * count)))
    fusion = min(MOST_FUSION, round(recipe.fusion_share * count))
    edges = np.cumsum([calibration, fusion])
    if edges[-1] >= count:
        raise TooFewImages(
            f"{count} images leave none to train on beside {calibration} for calibration and {fusion} for corrections. "
            f"Use folds for so few: --set folds_below={count + 1}."
        )
    held, corrected, trained = (dense.take(np.sort(part)) for part in np.split(order, edges))
    return [Member("member-0", recipe.fit, trained, corrected, corrected, held)]
