"""Photos of good parts only: train and judge with every default. Needs $SABLIER_DATA/industrial in the MVTec layout.

train/good trains and calibrates; test/good and every other folder of test are only judged, heat against ground_truth. Times are
of the whole verbs. Beside the false alarms on test/good stands the band that holds 99 % of such experiments where those images
are like the ones that calibrated (beta-binomial; with folds it is that of one split of as many images).
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from harness import Bench, print_table
from sablier.calibration import simultaneous_band
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.evaluate import EvaluationResult
from sablier.workflows.detect import detect
from sablier.workflows.evaluate import evaluate
from sablier.workflows.training.train import train

ALPHA = 0.05


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--category", default="toothbrush", help="a folder of industrial/, such as toothbrush or magnetic_tile")
    parser.add_argument("--recipe", default="detector")
    parser.add_argument("--tier", default="base")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--seed", type=int, default=0)


def main() -> None:
    bench = Bench("inspection", __doc__ or "", add)
    args = bench.args
    place = Path(os.environ.get("SABLIER_DATA", ".data")) / "industrial" / args.category
    tier = "tiny" if args.quick else args.tier
    recipe = make_recipe(args.recipe, tier, [f"seed={args.seed}", *args.settings])
    with tempfile.TemporaryDirectory() as folder:
        model, start = Path(folder) / "part.sablier", time.perf_counter()
        train(place / "train" / "good", model, recipe)
        trained = time.perf_counter()
        detect(model, place / "test", Path(folder) / "out")
        detected = time.perf_counter()
        result = evaluate(model, place, alpha=ALPHA)
        calibration = Detector.from_file(ModelFile.load(model)).calibration
    low, high = simultaneous_band(ALPHA, calibration.count, len(result.good), splits=1)
    alarms = result.rows[0].false_alarms.hits
    print_table(
        ["method", "AUROC", "false alarms", "missed"],
        [[row.method, row.auroc, row.false_alarms.value, row.missed.value] for row in result.rows],
    )
    print_table(["bad images", "AUROC", "missed", "pixel AUROC", "AUPRO"], _by_kind(result))
    print(f"false alarms: {alarms} of {len(result.good)}; 99 % band at alpha {ALPHA:g}: {low} to {high}")
    payload = {
        "category": args.category,
        "recipe": args.recipe,
        "tier": tier,
        **_figures(result),
        "false_alarms": alarms,
        "false_alarm_band": [low, high],
        "false_alarms_inside": low <= alarms <= high,
        "calibrated_on": calibration.count,
        "folds": len(calibration.folds),
        "train_seconds": trained - start,
        "detect_seconds": detected - trained,
    }
    variant = [args.recipe] * (args.recipe != "detector") + [tier] * (tier != "base") + args.settings
    bench.finish("-".join([args.category, *variant]), [args.seed], payload)


def _figures(result: EvaluationResult) -> dict[str, Any]:
    ours, *baselines = result.rows
    return {
        "image_auroc": ours.auroc,
        "pixel_auroc": None if result.pixels is None else result.pixels.auroc,
        "aupro": None if result.pixels is None else result.pixels.aupro,
        **{f"auroc_{row.method}": row.auroc for row in baselines},
        "false_alarm_rate": ours.false_alarms.value,
        "miss_rate": ours.missed.value,
        "good": ours.false_alarms.count,
        "bad": ours.missed.count,
        "kinds": {
            row["kind"]: {key: row[key] for key in ("auroc", "miss_rate", "pixel_auroc", "aupro")}
            for row in result.to_json()["kinds"]
        },
        "without_mask": len(result.without_mask),
    }


def _by_kind(result: EvaluationResult) -> list[list[Any]]:
    rows: list[tuple[str, Any, Any]] = [(row.kind, row, row.pixels) for row in result.kinds]
    return [
        [kind, row.auroc, row.missed.value, *((pixels.auroc, pixels.aupro) if pixels else ("no masks", ""))]
        for kind, row, pixels in [*rows, ("all", result.rows[0], result.pixels)]
    ]


if __name__ == "__main__":
    main()
