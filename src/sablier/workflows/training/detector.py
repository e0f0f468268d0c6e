"""Trains a detector: its members are trained, fused and calibrated on disjoint images."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sablier.backbones import BackboneFile
from sablier.calibration import images_needed
from sablier.errors import ImagesError, TooFewImages
from sablier.images.grouping import count_groups, counted_groups, group_numbers
from sablier.images.imageset import ImageSet
from sablier.images.names import distinct_names
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile
from sablier.recipes.config import Recipe, of_task
from sablier.recipes.detection import DetectionRecipe
from sablier.tasks.detection.contamination import ContaminationFilter
from sablier.tasks.detection.detect import TASK, Detector
from sablier.tasks.detection.parallel import watching
from sablier.tasks.known_images import CALIBRATED, TRAINED
from sablier.tasks.known_part import known_part
from sablier.typing import Array
from sablier.workflows.training.detector_forecast import CALIBRATING, FILTERING, LISTING, expected_stages
from sablier.workflows.training.forecast import Forecast, OnProgress, unheard
from sablier.workflows.training.network import prepared, provenance
from sablier.workflows.training.scorers import Making, Uses

FEWEST = 8
MOST_CALIBRATION = 2000  # more would narrow the band of the guarantee little, and help more in training
MOST_FUSION = 500
FEWEST_CALIBRATION = images_needed(0.01)  # so that a split always allows a false-alarm rate of 1 %


def train_detector(
    images: ImageSet,
    recipe: Recipe,
    *,
    backbone: BackboneFile | None = None,
    ignored: Array | None = None,
    checkpoints: Iterable[Path | None] = (),
    on_progress: OnProgress = unheard,
    on_groups: Callable[[ImageSet, Preprocess], object] = lambda dense, preprocess: None,
    fewest: int = FEWEST,
) -> ModelFile:
    """Train, fuse and calibrate a detector on normal images; return the model file.

    Images that the contamination filter excludes are used neither in training nor in fusion. They still calibrate: without
    the most anomalous images, the calibration would break its guarantee. The model file lists them. The filter searches the
    training and fusion images alone, so no calibration image influences the scorer.

    Training, fusion and calibration use disjoint images. With fewer than `recipe.folds_below` images, every image calibrates
    the scorer of `recipe.folds` that was not trained on it. Groups of dependent images (`images.groups`, joined with images
    that repeat each other) are never divided, and each counts once.

    Args:
        backbone: the user's feature network, in place of the recipe's members (`with_backbone`).
        ignored: H,W booleans, true where pixels of the images are left out.
        on_groups: called with the dense images and their preprocessing once their groups are known.
        fewest: the least number of groups. With fewer than 8, a detector can rank images, but its guarantee is weak.

    Raises:
        TooFewImages: for fewer than `fewest` groups of images, or fewer than the requested folds.
        ImagesError: for tiles that are larger than the photos.
        BackboneError: for a backbone that does not return feature maps; ConfigError for one that no member uses.
    """
    recipe = of_task(recipe, DetectionRecipe)
    recipe = recipe if backbone is None else recipe.with_backbone()
    preprocess, dense, prints = prepared(images, recipe.longer_side, fewest, repeats=recipe.repeats, near=True, ignored=ignored)
    _check_tiles(recipe, preprocess)
    dense = replace(dense, ids=distinct_names(dense.ids))  # the folds identify images by name
    on_groups(dense, preprocess)
    plan, forecast = plan_uses(dense, recipe), Forecast(on_progress)
    making = Making(recipe, preprocess, len(plan), checkpoints, forecast, backbone)
    forecast.expect(making.work(len(dense)), lambda: expected_stages(making, dense, plan, recipe.contamination_filter))
    if recipe.contamination_filter:
        with forecast.stage(FILTERING):
            contamination = ContaminationFilter(dense, preprocess)
            plan = [_filtered(uses, contamination, recipe.fit.seed) for uses in plan]
    scorers = tuple(making.scorer(index, uses) for index, uses in enumerate(plan))
    calibrating = sum(len(uses.calibration) for uses in plan)
    with forecast.stage(CALIBRATING) as progressed, watching(forecast.tally(progressed, calibrating)):
        detector = Detector.calibrated(scorers, tuple(uses.calibration for uses in plan))
    origin = provenance(dense, replace(recipe, members=tuple(making.networks)), images, preprocess)
    if recipe.contamination_filter:
        with forecast.stage(LISTING):
            origin = origin.model_copy(update={"filtered": _listed(contamination, plan, recipe.fit.seed)})
    parts = {**detector.parts(), **known_part(prints, _uses_of_each(dense, plan))}
    return ModelFile(TASK, preprocess, parts, making.histories, origin)


def _check_tiles(recipe: DetectionRecipe, preprocess: Preprocess) -> None:
    """Raise ImagesError for tiles of images that are no photos, or smaller than a tile."""
    most = min(preprocess.height, preprocess.width)
    if recipe.tiles > most or (recipe.tiles and max(preprocess.height, preprocess.width) <= recipe.photo_side):
        raise ImagesError(
            f"expected photos of at least {recipe.tiles} pixels a side for tiles of that size, got {preprocess.height} x "
            f"{preprocess.width}. Choose smaller tiles, or leave them out: photos are then scaled to fit {recipe.size} pixels."
        )


def _listed(contamination: ContaminationFilter, plan: Sequence[Uses], seed: int) -> list[tuple[str, float]]:
    """Return names and scores of all images that may not belong, calibration images included; the list has no influence."""
    found = contamination.among(contamination.images.ids, seed)
    taught = {name for uses in plan for each in (uses.training, uses.fusion) for name in each.ids.tolist()}
    return [pair for pair in zip(found.ids.tolist(), found.scores.tolist(), strict=True) if pair[0] not in taught]


def _uses_of_each(dense: ImageSet, plan: Sequence[Uses]) -> Array:
    """Return N: whether each image trained the model, or only calibrated it."""
    only_calibrate = np.isin(dense.ids, plan[0].calibration.ids) if len(plan) == 1 else np.zeros(len(dense), bool)
    return np.where(only_calibrate, CALIBRATED, TRAINED)


def _filtered(uses: Uses, contamination: ContaminationFilter, seed: int) -> Uses:
    """Return the uses without the training and fusion images that may not belong."""
    apart = uses.fusion is not uses.training
    teaching = np.concatenate([uses.training.ids, uses.fusion.ids]) if apart else uses.training.ids
    kept = np.ones(len(teaching), bool)
    kept[contamination.among(teaching, seed).excluded] = False
    training = uses.training.take(kept[: len(uses.training)])
    if not apart:
        return replace(uses, training=training, fusion=training)
    fusion = uses.fusion.take(kept[len(uses.training) :])
    return replace(uses, training=training, fusion=fusion, validation=fusion)


def plan_uses(dense: ImageSet, recipe: Recipe) -> list[Uses]:
    """Assign images to disjoint uses: a single split if there are enough groups, otherwise cross-conformal folds.

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
        numbers = np.array_split(order, recipe.folds)
        folds = tuple(dense.take(np.isin(groups, fold)) for fold in numbers)
        plan = []
        for index, (fold, left_out) in enumerate(zip(numbers, folds, strict=True)):
            rest, others = dense.take(~np.isin(groups, fold)), folds[:index] + folds[index + 1 :]
            plan.append(Uses(f"fold-{index}", recipe.fold_effort, rest, left_out, rest, left_out, others))
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
