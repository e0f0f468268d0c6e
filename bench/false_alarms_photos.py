"""Does the false-alarm rate hold for photos? Train with every default and test on disjoint good photos, many times over.

Needs $SABLIER_DATA/industrial in the MVTec layout. All good photos of a set, those of train/good and of test/good, are dealt anew
into as many for training and for testing as officially; tiles that the set holds several times, in other light, lie in one part.
The count of false alarms at alpha 5 % is compared with the band that all runs stay within together with probability 99 %
(beta-binomial; with folds it is that of one split of as many images). Beside it stands the official split, and its own band.
"""

import argparse
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dependence import tile_numbers
from harness import Bench, Partial, print_table
from sablier.calibration import simultaneous_band
from sablier.images.imageset import ImageSet
from sablier.images.sources import read_images
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.typing import Array
from sablier.workflows.training.detector import train_detector

INDUSTRIAL = Path(os.environ.get("SABLIER_DATA", ".data")) / "industrial"
ALPHA = 0.05
APART = 100  # numbers between captures of different tiles
OFFICIAL = "official"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--tier", default="base")
    parser.add_argument("--category", default="toothbrush", help="a folder of industrial/, such as magnetic_tile or pcb")


def main() -> None:
    bench = Bench("false_alarms_photos", __doc__ or "", add)
    args = bench.args
    splits, tier = (3, "tiny") if args.quick else (args.splits, args.tier)
    key = "-".join([args.category, *([] if tier == "base" else [tier])])
    rows = [row_of(args.category, tier, splits, bench.partial(key))]
    shown = ("row", "photos", "tests", "calibrated_on", "rate_mean", "rate_max", "runs_outside", "official", "official_outside")
    print_table(list(shown), [[row[name] for name in shown] for row in rows])
    bench.finish(key, list(range(splits)), {"alpha": ALPHA, "tier": tier, "splits": splits, "rows": rows})


def row_of(category: str, tier: str, splits: int, steps: Partial) -> dict[str, Any]:
    """Return what the splits of a set come to."""
    parts = [good_of(category, part) for part in ("train", "test")]
    pooled, training = ImageSet.concatenate(parts), len(parts[0])
    officially = np.arange(len(pooled)) < training
    groups = known_repeats(pooled)

    def run(name: str, trains: Array, seed: int) -> dict[str, int]:
        return dict(steps.get(name, partial(counted, pooled, trains, tier, seed)))

    runs = [run(str(seed), dealt(groups, training, seed), seed) for seed in range(splits)]
    official = run(OFFICIAL, officially, 0)
    rates = [each["alarms"] / each["tests"] for each in runs]
    return {
        "row": category, "photos": len(pooled), "tests": int(np.median([each["tests"] for each in runs])),
        "calibrated_on": int(np.median([each["calibrated_on"] for each in runs])),
        "alarms": [each["alarms"] for each in runs], "rate_mean": float(np.mean(rates)), "rate_max": max(rates),
        "runs_outside": sum(outside(each, splits) for each in runs),
        "official": official["alarms"] / official["tests"], "official_outside": outside(official, 1),
    }  # fmt: skip


def good_of(category: str, part: str) -> ImageSet:
    """Return the good photos of a part of a set, under names that differ between parts."""
    images = read_images(INDUSTRIAL / category / part / "good")
    return replace(images, ids=np.array([f"{part}/{name}" for name in images.ids.tolist()]))


def known_repeats(images: ImageSet) -> Array:
    """Return a number for each photo, equal for those of one part: of tiles their captures tell, others are each by itself."""
    names = images.ids.tolist()
    return tile_numbers(names, APART) if all("num_" in name for name in names) else np.arange(len(names))


def dealt(groups: Array, training: int, seed: int) -> Array:
    """Return which photos train: groups at random, until there are as many photos as wanted."""
    order = np.random.default_rng(seed).permutation(np.unique(groups))
    sizes = np.bincount(groups)[order]
    return np.isin(groups, order[np.cumsum(sizes) - sizes < training])


def counted(pooled: ImageSet, trains: Array, tier: str, seed: int) -> dict[str, int]:
    """Train on some photos and judge the others; return the false alarms, of how many, calibrated on how many groups."""
    detector = Detector.from_file(train_detector(pooled.take(trains), make_recipe("detector", tier, [f"seed={seed}"])))
    alarms = detector.detect(pooled.take(~trains), ALPHA).flagged
    return {"alarms": alarms, "tests": int((~trains).sum()), "calibrated_on": detector.calibration.groups}


def outside(run: dict[str, int], splits: int) -> bool:
    """Return whether a count lies outside the band of so many runs."""
    low, high = simultaneous_band(ALPHA, run["calibrated_on"], run["tests"], splits)
    return not low <= run["alarms"] <= high


if __name__ == "__main__":
    main()
