"""Few photos: how well bad ones are told from good ones after learning from 4, 8, 16, 32 and all good photos of a set.

Needs $SABLIER_DATA/industrial in the MVTec layout. train/good is drawn from at random, several times for each number, one photo
of each group of repeats; all of test is judged each time. Every default, as `train --curve` has it. An interval is that of the
mean over draws (95 %).
"""

import argparse
import os
from functools import partial
from pathlib import Path
from typing import Any

from harness import Bench, Partial, print_table
from sablier.images.grouping import count_groups
from sablier.images.mvtec import MvtecLayout
from sablier.images.sources import read_images
from sablier.recipes.config import of_task
from sablier.recipes.detection import DetectionRecipe
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.learning_curve import FEWEST
from sablier.workflows.training.curve_points import Draw, measured_points
from sablier.workflows.training.network import prepared

INDUSTRIAL = Path(os.environ.get("SABLIER_DATA", ".data")) / "industrial"
CATEGORIES = ("toothbrush", "magnetic_tile", "pcb")
SIZES = (4, 8, 16, 32)


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tier", default="base")
    parser.add_argument("--categories", nargs="+", default=CATEGORIES, help="folders of industrial/")


def main() -> None:
    bench = Bench("few_shot", __doc__ or "", add)
    args = bench.args
    tier = "tiny" if args.quick else args.tier
    key = "-".join(["photos", *([] if tier == "base" else [tier])])
    recipe, steps = of_task(make_recipe("detector", tier), DetectionRecipe), bench.partial(key)
    rows = [
        row
        for category in (CATEGORIES[:1] if args.quick else args.categories)
        for row in rows_of(category, recipe, SIZES[:2] if args.quick else SIZES, not args.quick, steps)
    ]
    print_table(
        ["photos", "number", "AUROC", "low", "high", "trainings"],
        [[row["category"], row["images"], row["image_auroc"], *row["interval"], row["trainings"]] for row in rows],
    )
    bench.finish(key, list(range(max(row["trainings"] for row in rows))), {"tier": tier, "rows": rows})


def rows_of(category: str, recipe: DetectionRecipe, sizes: tuple[int, ...], whole: bool, steps: Partial) -> list[dict[str, Any]]:
    """Return a row for each number of photos; with `whole` also for all of them."""
    layout = MvtecLayout(INDUSTRIAL / category)
    preprocess, dense, _ = prepared(read_images(layout.training), recipe.size, FEWEST, near=True)
    good, bad = (tests.dense(preprocess) for tests in layout.read_tests())
    everything = count_groups(dense)

    def keep(name: str, compute: Any) -> float:
        return float(steps.get(f"{category}/{name}", compute))

    points = measured_points(
        partial(_same, Draw(dense, good, bad)), recipe, [*sizes, *([everything] if whole else [])], keep=keep
    )
    return [
        {
            "row": f"{category}, {'all' if point.images == everything else point.images}",
            "category": category,
            "images": len(dense) if point.images == everything else point.images,
            "image_auroc": point.image_auroc,
            "interval": list(point.interval),
            "trainings": len(point.aurocs),
        }
        for point in points
    ]


def _same(draw: Draw, run: int) -> Draw:
    return draw


if __name__ == "__main__":
    main()
