"""Photos of good parts only: train and judge with every default. Needs $SABLIER_DATA/industrial in the MVTec layout.

train/good trains and calibrates; test/good and every other folder of test are only judged, anomaly maps against ground_truth.
Figures are means over the seeds; times are of the whole verbs. A mask covers the places of a bad photo where its map is 1 or
more; its area is compared with that of the defect. A connected part of the ground truth is hit where a region of a flagged
photo covers some of it; regions that cover none are false, counted for each photo, good or bad. Beside the false alarms on
test/good stands the band that holds 99 % of such experiments where those images are like the ones that calibrated
(beta-binomial; with folds it is that of one split of as many images).
"""

import argparse
import os
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import label

from harness import Bench, print_table
from sablier.calibration import is_flagged, simultaneous_band
from sablier.images.chunks import at_once
from sablier.images.mvtec import layout_of
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.evaluate import EvaluationResult
from sablier.tasks.detection.regions import RegionRule
from sablier.typing import Array
from sablier.workflows.detect import detect
from sablier.workflows.evaluate import evaluate
from sablier.workflows.training.train import train

ALPHA = 0.05
AT_ONCE = 16
MEANS = (
    "image_auroc", "pixel_auroc", "aupro", "miss_rate", "false_alarm_rate", "auroc_pca", "auroc_knn", "train_seconds",
    "detect_seconds", "mask_area_ratio_median", "boxes_hit", "false_regions", "model_mb",
)  # fmt: skip


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--category", default="toothbrush", help="a folder of industrial/, such as toothbrush or magnetic_tile")
    parser.add_argument("--recipe", default="detector")
    parser.add_argument("--tier", default="base")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--tiles", type=int, metavar="SIZE", help="judge photos at full resolution, in tiles of that size")
    parser.add_argument("--seeds", type=int, default=3)


def main() -> None:
    bench = Bench("inspection", __doc__ or "", add)
    args = bench.args
    tier, seeds = ("tiny", 1) if args.quick else (args.tier, args.seeds)
    place = Path(os.environ.get("SABLIER_DATA", ".data")) / "industrial" / args.category
    asked = [*args.settings, *([] if args.tiles is None else [f"tiles={args.tiles}"])]
    variant = [args.recipe] * (args.recipe != "detector") + [tier] * (tier != "base") + asked
    key = "-".join([args.category, *variant])
    steps = bench.partial(key)

    runs = []
    for seed in range(seeds):
        settings = [f"seed={seed}", *asked]
        runs.append(steps.get(str(seed), partial(measured, place, args.recipe, tier, settings)))
    means = {name: float(np.mean([run[name] for run in runs])) for name in MEANS}
    kinds = {
        kind: {name: float(np.mean([run["kinds"][kind][name] for run in runs])) for name in each}
        for kind, each in runs[0]["kinds"].items()
    }
    print_table(["seed", *MEANS[:5]], [[str(seed), *(run[name] for name in MEANS[:5])] for seed, run in enumerate(runs)])
    print_table(["mean", "figure"], [[name, value] for name, value in means.items()])
    print_table(
        ["bad images", "AUROC", "missed", "pixel AUROC", "AUPRO"], [[kind, *each.values()] for kind, each in kinds.items()]
    )
    outside = sum(not run["false_alarm_band"][0] <= run["false_alarms"] <= run["false_alarm_band"][1] for run in runs)
    print(f"false alarms: {[run['false_alarms'] for run in runs]} of {runs[0]['good']}; outside the band: {outside}")
    payload = {
        "category": args.category, "recipe": args.recipe, "tier": tier, **means, "kinds": kinds,
        "mask_area_max": max(run["mask_area_max"] for run in runs), "runs_outside_band": outside, "runs": runs,
    }  # fmt: skip
    bench.finish(key, list(range(seeds)), payload)


def measured(place: Path, recipe: str, tier: str, settings: list[str]) -> dict[str, Any]:
    """Return the figures of one training."""
    with tempfile.TemporaryDirectory() as folder:
        model, start = Path(folder) / "part.sablier", time.perf_counter()
        train(place / "train" / "good", model, make_recipe(recipe, tier, settings))
        trained = time.perf_counter()
        detect(model, place / "test", Path(folder) / "out")
        detected = time.perf_counter()
        result = evaluate(model, place, alpha=ALPHA)
        detector = Detector.from_file(ModelFile.load(model))
        size = model.stat().st_size / 1e6
    calibration = detector.calibration
    low, high = simultaneous_band(ALPHA, calibration.groups, len(result.good), splits=1)
    return {
        **_figures(result),
        **mask_figures(detector, place),
        "false_alarm_band": [low, high],
        "calibrated_on": calibration.groups,
        "folds": len(calibration.folds),
        "train_seconds": trained - start,
        "detect_seconds": detected - trained,
        "model_mb": size,
    }


def mask_figures(detector: Detector, place: Path) -> dict[str, float]:
    """Return how large masks of bad photos are, how many parts of the ground truth are hit, and how many regions are false.

    The median area is in areas of the defect, and the largest is a share of the frame.
    """
    layout = layout_of(place)
    if layout is None or not layout.ground_truth.is_dir():
        return dict.fromkeys(("mask_area_ratio_median", "mask_area_max", "boxes_hit", "false_regions"), float("nan"))
    ratios: list[float] = []
    shares: list[float] = []
    hit: list[bool] = []
    false: list[int] = []
    for images, bad in zip(layout.read_tests(), (False, True), strict=True):
        for part in images.chunks(at_once(AT_ONCE, detector.preprocess.height * detector.preprocess.width)):
            found = detector.detect(part, ALPHA, pictures=True)
            assert found.anomaly_maps is not None
            truths = layout.masks(part) if bad else (np.zeros(size, bool) for size in part.sizes.tolist())
            flagged, sizes = is_flagged(found.verdicts).tolist(), part.sizes.tolist()
            for anomaly_map, shown, size, truth in zip(found.anomaly_maps, flagged, sizes, truths, strict=True):
                if not isinstance(truth, np.ndarray):
                    continue  # it has no mask
                mask = RegionRule().found(anomaly_map, tuple(size), found.mark_level)[0]
                if bad:
                    shares.append(float(mask.mean()))
                    ratios.append(float(mask.sum() / truth.sum()))
                    hit += parts_met(truth, mask & shown)
                false.append(parts_met(mask & shown, truth).count(False))
    return {
        "mask_area_ratio_median": float(np.median(ratios)), "mask_area_max": max(shares),
        "boxes_hit": float(np.mean(hit)), "false_regions": float(np.mean(false)),
    }  # fmt: skip


def parts_met(mask: Array, others: Array) -> list[bool]:
    """Return for each connected part of a mask whether another mask covers some of it."""
    numbers, count = label(mask, np.ones((3, 3)))
    met: list[bool] = np.isin(np.arange(1, count + 1), numbers[others]).tolist()
    return met


def _figures(result: EvaluationResult) -> dict[str, Any]:
    ours, *baselines = result.rows
    return {
        "image_auroc": ours.auroc,
        "pixel_auroc": float("nan") if result.pixels is None else result.pixels.auroc,
        "aupro": float("nan") if result.pixels is None else result.pixels.aupro,
        **{f"auroc_{row.method}": row.auroc for row in baselines},
        "false_alarms": ours.false_alarms.hits,
        "false_alarm_rate": ours.false_alarms.value,
        "miss_rate": ours.missed.value,
        "good": ours.false_alarms.count,
        "bad": ours.missed.count,
        "kinds": {
            row["kind"]: {key: row[key] for key in ("auroc", "miss_rate", "pixel_auroc", "aupro")}
            for row in result.to_json()["kinds"]
        },
    }


if __name__ == "__main__":
    main()
