"""The expected time of each stage of a detector, from trials on a few images."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from sablier.images.chunks import images_at_once
from sablier.images.imageset import ImageSet
from sablier.models import Model
from sablier.tasks.detection.contamination import FEWEST, find_contamination
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.members import Member
from sablier.tasks.detection.scorer import Scorer
from sablier.training.objectives import Objective
from sablier.transforms.batches import Batches
from sablier.workflows.training.forecast import Stage
from sablier.workflows.training.scorers import Making, Rates, Uses
from sablier.workflows.training.trial import Trial, expected_training

FILTERING, LISTING = "filtering the training images", "listing what was filtered"
CALIBRATING = "calibrating"
FEWEST_TRIED, BATCHES_TRIED, BATCHES_FILTERED = 4, 2, 3  # images, and batches of them if a batch has more
MOST_FITTED = 32  # images, some of them several times, in a timed fit

T = TypeVar("T")


def expected_stages(
    making: Making, dense: ImageSet, plan: Sequence[Uses], contamination_filter: bool, rates: Rates | None = None
) -> list[Stage]:
    """Return the stages of making a detector, in order, with the expected time of each.

    A few steps of each network are timed, and a few images are fitted, fused and scored. Features that a pretrained network
    computes for this are kept, so little of the work is lost.

    Args:
        dense: all images; `plan` has their uses for each scorer.
        contamination_filter: whether the filter is on.
        rates: the seconds per image, if known from a similar run; `making` keeps them.
    """
    searched = [len(uses.training) + (len(uses.fusion) if uses.fusion is not uses.training else 0) for uses in plan]
    per_image = _seconds_to_filter(making, dense) if contamination_filter else 0.0
    stages = [Stage(FILTERING, per_image * sum(searched), FILTERING)] if contamination_filter else []
    tried: dict[str, tuple[Model, Objective]] = {}
    trained: dict[tuple[int, str], Stage] = {}
    for kind in making.trained_kinds:
        trial = Trial(making.config(kind, plan[0].effort), plan[0].training, making.preprocess)
        for index, uses in enumerate(plan):
            checkpoint = making.checkpoints[index][kind]
            trained[index, kind] = expected_training(trial, making.training(kind, index), len(uses.validation), checkpoint)
        assert trial.trained is not None
        tried[kind] = trial.trained, trial.network.objective
    rates = making.rates = rates or _rates(making, plan[0], tried)
    known: set[str] = set()
    for index, uses in enumerate(plan):
        stages += [trained[index, kind] for kind in making.trained_kinds]
        seen = {*uses.training.ids.tolist(), *uses.fusion.ids.tolist()}
        stages.append(Stage(making.fitting(index), _seconds_to_fit(making, uses, rates, len(seen - known))))
        known |= seen
    calibrating = {name for uses in plan for name in uses.calibration.ids.tolist()}
    seconds = rates.calibrate * len(calibrating) + rates.new * len(calibrating - known)
    stages.append(Stage(CALIBRATING, seconds))
    return [*stages, Stage(LISTING, per_image * len(dense), FILTERING)] if contamination_filter else stages


def _seconds_to_fit(making: Making, uses: Uses, rates: Rates, new: int) -> float:
    scored, damaged = len(uses.fusion), making.damaged(uses)
    return rates.new * (new + damaged) + rates.fit * making.fits(uses) + rates.score * (scored + damaged)


def _seconds_to_filter(making: Making, dense: ImageSet) -> float:
    """Return the seconds per image of the contamination filter."""
    some = _some(dense, max(FEWEST, BATCHES_FILTERED * images_at_once(*dense.shape[:2])))
    find_contamination(_some(some, FEWEST), making.preprocess, making.seed)  # the first call loads libraries
    return _timed(lambda: find_contamination(some, making.preprocess, making.seed))[1] / len(some)


def _rates(making: Making, uses: Uses, tried: dict[str, tuple[Model, Objective]]) -> Rates:
    """Return the seconds per image of fitting, fusion and scoring, measured twice on a few training images."""
    most = max(FEWEST_TRIED, BATCHES_TRIED * images_at_once(*uses.training.shape[:2]))
    both = _some(uses.training, 2 * most)
    halves = [both.take(np.arange(start, len(both), 2)) for start in (1, 0)] if len(both) >= 2 * FEWEST_TRIED else [both, both]
    some, preprocess = halves[1], making.preprocess
    parts = (some,) * max(1, min(MOST_FITTED, len(uses.training)) // len(some))  # sums over them are computed once

    def fitted() -> tuple[Member, ...]:
        return making.members(tried, parts, some)

    def fused() -> Scorer:
        return Scorer.fit(members, preprocess, some, [(members, Batches(some, preprocess))], seed=making.seed)

    making.members(tried, (halves[0],), halves[0])  # the first images that a network gets take longer
    _, first_fit = _timed(fitted)
    members, fit = _timed(fitted)
    fused()
    scorer, fuse = _timed(fused)
    _, calibrated = _timed(lambda: Detector.calibrated((scorer,), (some,)))
    each = 1 / len(some)
    return Rates(max(0.0, first_fit - fit) * each, fit * each / len(parts), fuse * each, calibrated * each)


def _some(images: ImageSet, most: int) -> ImageSet:
    """Return a few images, an even sample."""
    return images.take(np.linspace(0, len(images) - 1, min(len(images), most)).astype(int))


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    return work(), time.perf_counter() - start
