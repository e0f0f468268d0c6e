"""The workflow of learning curves: trains on samples of the good images and measures the detectors."""

from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sablier.files import write_whole
from sablier.files.kinds import LEARNING_CURVE, PNG, check_replaces
from sablier.images.grouping import count_groups, group_numbers, with_groups
from sablier.images.imageset import ImageSet
from sablier.images.mvtec import layout_of, training_source
from sablier.images.preprocess import Preprocess
from sablier.images.sources import read_images
from sablier.recipes.config import Recipe, of_task
from sablier.recipes.detection import DetectionRecipe
from sablier.tasks.detection.learning_curve import FEWEST, LearningCurve, sizes_up_to
from sablier.transforms.defects import VISIBLE, with_defects
from sablier.workflows.outputs import check_file_apart
from sablier.workflows.tables import as_csv
from sablier.workflows.training.curve_points import Draw, measured_points, one_of_each
from sablier.workflows.training.forecast import OnProgress, unheard
from sablier.workflows.training.network import prepared

HELD_SHARE, FEWEST_HELD, MOST_HELD = 0.25, 4, 64  # of the groups of images; they are the tests if there are no others
COPIES = 2  # of each held-out image, each with a defect
MOST_JUDGED = 100  # tests of either kind
DRAWN = (
    "Drawn defects are not yours: trust how the figures rise, not how high they are. To measure on bad images of your own, lay "
    "the folder out like MVTec AD: train/good, test/good and a folder in test for each kind of defect."
)


def learning_curve(
    source: Any,
    output: str | PathLike[str],
    recipe: Recipe,
    *,
    groups: str | None = None,
    backbone: str | PathLike[str] | None = None,
    on_progress: OnProgress = unheard,
    **reading: Any,
) -> LearningCurve:
    """Measure detectors that were trained on 4, 8, 16 ... and all good images.

    In a folder laid out like MVTec AD, its tests are used, at most 100 good and 100 bad ones. Of any other source, a quarter
    of the images, at most 64, is held out, different ones each time. These are the good tests; the bad ones are copies of
    them with a synthetic defect each.

    Args:
        source, recipe, groups, backbone: as for `train`; only one image of a group is used, unless all are.
        output: the .sablier file of the model; the curve is written beside it, to `curve_paths`.

    Raises:
        ConfigError: if the recipe is not of a detector.
        TooFewImages: for fewer than 8 groups of images.
        ImagesError: if the source cannot be used. OutputError: if the curve cannot be written.
    """
    recipe = of_task(recipe, DetectionRecipe)
    table, picture = check_curve(source, output, recipe)
    images = with_groups(read_images(training_source(source), **reading), groups)
    preprocess, dense, _ = prepared(images, recipe.longer_side, 2 * FEWEST, repeats=recipe.repeats, near=True)
    layout = layout_of(source)
    if layout is None:
        held = held_out(count_groups(dense))
        draws = partial(_with_held_out, dense, preprocess, held)
        judged, caution = f"{held} held-out good images, others each time, and copies of them with drawn defects", DRAWN
    else:
        good, bad = (_some(each).dense(preprocess) for each in layout.read_tests(**reading))
        held, draws = 0, partial(_with_tests, dense, good, bad)
        judged, caution = f"{len(good)} good and {len(bad)} bad images of {layout.folder / 'test'}", ""
    sizes = sizes_up_to(count_groups(dense) - held)
    points = measured_points(draws, recipe, sizes, backbone=backbone, on_progress=on_progress)
    curve = LearningCurve(points, judged, caution)
    # Plotting is imported only when needed.
    from sablier.report.figures import to_png
    from sablier.report.learning_curve import learning_curve_figure

    write_whole(table, as_csv(curve.to_table()))
    write_whole(picture, to_png(learning_curve_figure(curve)))
    return curve


def check_curve(source: Any, output: str | PathLike[str], recipe: Recipe) -> tuple[Path, Path]:
    """Return the paths of a curve, after a check that it can be made and written.

    Raises:
        ConfigError: if the recipe is not of a detector.
        ImagesError: for a folder laid out like MVTec AD without good or without bad tests.
        OutputError: if it would replace something else.
    """
    of_task(recipe, DetectionRecipe)
    layout = layout_of(source)
    if layout is not None:
        layout.read_tests()
    places = curve_paths(Path(output))
    for path, kind in zip(places, (LEARNING_CURVE, PNG), strict=True):
        check_file_apart(source, path)
        check_replaces(path, kind)
    return places


def curve_paths(output: Path) -> tuple[Path, Path]:
    """Return the paths of the table and the picture of a learning curve, beside a model file.

    >>> [path.name for path in curve_paths(Path("part.sablier"))]
    ['part.curve.csv', 'part.curve.png']
    """
    stem = output.name.removesuffix(".sablier")
    return output.with_name(f"{stem}.curve.csv"), output.with_name(f"{stem}.curve.png")


def held_out(groups: int) -> int:
    """Return how many groups of images are held out of so many.

    >>> held_out(8), held_out(60), held_out(1000)
    (4, 15, 64)
    """
    return min(MOST_HELD, max(FEWEST_HELD, round(HELD_SHARE * groups)))


def _with_tests(dense: ImageSet, good: ImageSet, bad: ImageSet, run: int) -> Draw:
    return Draw(dense, good, bad)


def _with_held_out(dense: ImageSet, preprocess: Preprocess, held: int, run: int) -> Draw:
    """Return the other images, held-out images, one of each group, and copies of these with a synthetic defect each."""
    groups = group_numbers(dense)
    apart = np.isin(groups, np.random.default_rng(run).permutation(groups.max() + 1)[:held])
    good = one_of_each(dense.take(apart), run)
    unit = preprocess.to_unit(good.array)
    copies = [with_defects(good, preprocess, seed) for seed in range(COPIES * run, COPIES * (run + 1))]
    # An invisible defect is none.
    seen = [copy[np.abs(copy - unit).max(axis=(1, 2, 3)) > VISIBLE] for copy in copies]
    return Draw(dense.take(~apart), good, ImageSet(preprocess.from_unit(np.concatenate(seen))))


def _some(images: ImageSet) -> ImageSet:
    """Return an even sample of at most as many images as are measured."""
    return images.take(np.linspace(0, len(images) - 1, min(len(images), MOST_JUDGED)).astype(int))
