"""The points of a learning curve: detectors trained on random samples of good images, and their AUROC."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from os import PathLike

import numpy as np

from sablier.backbones import BackboneFile
from sablier.images.grouping import count_groups, group_numbers
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.metrics import auroc
from sablier.recipes.detection import DetectionRecipe
from sablier.recipes.settings import with_settings
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.learning_curve import FEWEST, CurvePoint, runs_of
from sablier.tasks.detection.parallel import watching
from sablier.workflows.training.detector import plan_uses, train_detector
from sablier.workflows.training.detector_forecast import expected_stages
from sablier.workflows.training.forecast import Forecast, OnProgress, Stage, unheard
from sablier.workflows.training.scorers import Making, Rates

Keep = Callable[[str, Callable[[], float]], float]


@dataclass(frozen=True)
class Draw:
    """The images of one training and its evaluation, all dense.

    Args:
        pool: good images, some of which train.
        good, bad: the test images.
    """

    pool: ImageSet
    good: ImageSet
    bad: ImageSet


def measured_points(
    draws: Callable[[int], Draw],
    recipe: DetectionRecipe,
    sizes: Sequence[int],
    *,
    backbone: str | PathLike[str] | None = None,
    keep: Keep = lambda key, compute: compute(),
    on_progress: OnProgress = unheard,
) -> list[CurvePoint]:
    """Train on each number of good images, several times, and return the AUROC of the detectors.

    A training takes random groups of images and one image of each, or all images if it takes all groups. Its seed is that of
    the recipe plus the number of the training.

    Args:
        draws: returns the images of a training by its number.
        recipe: of a detector; with fewer images than folds, there are as many folds as images.
        sizes: numbers of groups of images, from 4.
        backbone: the file of the user's feature network.
        keep: called for each AUROC with its name and a function that computes it, so that a long run can be resumed.
    """
    recipe = recipe if backbone is None else recipe.with_backbone()
    forecast = Forecast(on_progress)
    trainings = [(size, run) for size in sizes for run in range(runs_of(size))]
    names = {(size, run): f"learning from {size} images, {run + 1} of {runs_of(size)}" for size, run in trainings}
    forecast.expect(
        f"a learning curve of {len(names)} trainings with {sizes[0]} to {sizes[-1]} images each",
        lambda: _expected(draws(0), recipe, names, backbone),
    )
    aurocs: dict[int, list[float]] = {size: [] for size in sizes}
    for (size, run), name in names.items():
        compute = partial(_measured, draws, recipe, size, run, name, forecast, backbone)
        aurocs[size].append(keep(f"{size}/{run}", compute))
    return [CurvePoint(size, tuple(found)) for size, found in aurocs.items()]


def one_of_each(images: ImageSet, seed: int) -> ImageSet:
    """Return one random image of each group, in random order."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(images))
    return images.take(random.permutation(order[np.unique(group_numbers(images)[order], return_index=True)[1]]))


def _drawn(pool: ImageSet, size: int, run: int) -> ImageSet:
    """Return so many random images, no two of one group; all images if there are no more groups."""
    return pool if size >= count_groups(pool) else one_of_each(pool, run).take(np.arange(size))


def _measured(
    draws: Callable[[int], Draw],
    recipe: DetectionRecipe,
    size: int,
    run: int,
    name: str,
    forecast: Forecast,
    backbone: str | PathLike[str] | None,
) -> float:
    """Return the AUROC of one training."""
    draw = draws(run)
    with forecast.stage(name) as progressed:
        own = _sized(recipe, size, run)
        side = max(draw.pool.shape[:2])
        trains = any(own.networks(side).values())  # these report their progress; other members only that they are at work
        with nullcontext() if trains else watching(lambda _: forecast.beat()):
            some = _drawn(draw.pool, size, run)
            heard = forecast.within(progressed) if trains else unheard
            file = train_detector(some, own, on_progress=heard, backbone=_read(backbone), fewest=FEWEST)
            detector = Detector.from_file(file, backbone)
            return auroc(*(detector.detect(images).scores for images in (draw.good, draw.bad)))


def _sized(recipe: DetectionRecipe, size: int, run: int) -> DetectionRecipe:
    """Return the recipe of one training."""
    return with_settings(recipe, [f"seed={recipe.fit.seed + run}", f"folds={min(recipe.folds, size)}"])


def _expected(
    draw: Draw, recipe: DetectionRecipe, names: dict[tuple[int, int], str], backbone: str | PathLike[str] | None
) -> list[Stage]:
    """Return how long each training and its evaluation are expected to take, from a trial with all images."""
    seconds: dict[int, float] = {}
    rates: Rates | None = None
    for size in sorted({size for size, _ in names}, reverse=True):
        own, some = _sized(recipe, size, 0), _drawn(draw.pool, size, 0)
        plan = plan_uses(some, own)
        making = Making(own, Preprocess.for_images(some, own.size), len(plan), (), Forecast(unheard), _read(backbone))
        stages = expected_stages(making, some, plan, own.contamination_filter, rates)
        rates = making.rates
        assert rates is not None
        judging = (rates.new + len(plan) * rates.calibrate) * (len(draw.good) + len(draw.bad))
        seconds[size] = sum(stage.expected for stage in stages) + judging
    return [Stage(name, seconds[size]) for (size, _), name in names.items()]


def _read(backbone: str | PathLike[str] | None) -> BackboneFile | None:
    return None if backbone is None else BackboneFile.read(backbone)
