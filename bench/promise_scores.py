"""Do the promises hold for the scores of another tool? PyOD's detectors, calibrated here, many times over.

Each split draws training, calibration and test images from all good images, anew. PyOD's IForest, KNN and AutoEncoder learn from
the training images and score the others, at their defaults, in an environment of their own. `sablier calibrate --scores` and
`sablier judge` then flag test images at 5 %. All tests are good, so the count of flagged ones is beta-binomial; the band is the
one that all splits stay within together with probability 99 %. Beside it stands what each detector flags by itself, at its own
`contamination=0.1`.

Two sets: the pixels of one digit of MNIST, and features of good magnetic tiles (means over places of what EfficientNet-Lite0
sees).
"""

import csv
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from environment import Environment
from one_class import peers_environment
from photo_peers import INDUSTRIAL, described
from sablier.calibration import simultaneous_band
from sablier.images.datasets import load_dataset
from sablier.images.imageset import ImageSet
from sablier.images.mvtec import MvtecLayout
from sablier.images.preprocess import Preprocess
from sablier.images.sources import read_images
from sablier.typing import Array
from sablier.workflows.calibrate_scores import calibrate_scores
from sablier.workflows.judge import judge

ALPHA = 0.05
DETECTORS = ("IForest", "KNN", "AutoEncoder")
SPLITS, SPLITS_QUICK = 20, 2
DIGIT, MNIST_PARTS, MNIST_PARTS_QUICK = "5", (1000, 1000, 2000), (300, 199, 300)
TILES, TILE_PARTS = "magnetic_tile", (400, 199, 300)
TILE_SIZE = 128  # pixels a side of what the network sees

Row = dict[str, Any]
Run = dict[str, float]
Parts = tuple[int, int, int]  # numbers of training, calibration and test images


def rows(quick: bool, seed: int = 0) -> list[Row]:
    """Return a row for each claim: `claim`, `data`, `figure`, `bar`, `inside`, `runs`; none in a quick run without PyOD.

    Args:
        quick: a few splits of few images, in less than a minute.
        seed: of the first split; the others follow it.
    """
    environment = peers_environment(quick)
    if environment is None:
        return []
    splits = SPLITS_QUICK if quick else SPLITS
    sets = [(f"mnist, digit {DIGIT}", pixels_of_a_digit(), MNIST_PARTS_QUICK if quick else MNIST_PARTS)]
    if not quick:
        sets.append((f"features of {TILES}", features_of_tiles(), TILE_PARTS))
    found: list[Row] = []
    for data, features, parts in sets:
        runs = measured(environment, features, parts, range(seed, seed + splits))
        for name in DETECTORS:
            found += claims(data, name, runs[name], parts)
    return found


def claims(data: str, name: str, runs: list[Run], parts: Parts) -> Iterator[Row]:
    """Yield the rows of one detector on one set, given the shares of good tests that are flagged in each run."""
    _, calibration, tests = parts
    low, high = simultaneous_band(ALPHA, calibration, tests, len(runs))
    outside = sum(not low <= round(run["ours"] * tests) <= high for run in runs)
    ours, own = ([run[kind] for run in runs] for kind in ("ours", "own"))
    told: list[tuple[str, float, str, bool | None]] = [
        (f"PyOD {name}, calibrated here at {ALPHA:.0%}: runs outside the band", outside, "0", outside == 0),
        (
            f"PyOD {name}, calibrated here at {ALPHA:.0%}: mean share of good images flagged",
            float(np.mean(ours)),
            "",
            None,
        ),
        (f"PyOD {name}, its own contamination=0.1: mean share of good images flagged", float(np.mean(own)), "", None),
        (f"PyOD {name}, its own contamination=0.1: largest share of good images flagged", max(own), "", None),
    ]
    for claim, figure, bar, inside in told:
        yield {"claim": claim, "data": data, "figure": figure, "bar": bar, "inside": inside, "runs": len(runs)}


def measured(environment: Environment, features: Array, parts: Parts, seeds: Sequence[int]) -> dict[str, list[Run]]:
    """Return for each detector and split the shares of good tests flagged: `ours`, calibrated here, and `own`, by itself."""
    orders = np.stack([np.random.default_rng(seed).permutation(len(features))[: sum(parts)] for seed in seeds])
    split = np.split(orders, np.cumsum(parts)[:-1], axis=1)
    rows_of: dict[str, Any] = dict(zip(("training", "calibration", "tests"), split, strict=True))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        np.savez(folder / "features.npz", features=features, seeds=np.array(seeds), **rows_of)
        script = Path(__file__).parent / "pyod_scores.py"
        command = [str(item) for item in (environment.python, script, folder / "features.npz", folder / "scores.npz")]
        done = subprocess.run(command, capture_output=True, text=True, env=_without_our_packages())
        if done.returncode:
            raise SystemExit(f"PyOD failed:\n{done.stderr[-2000:]}")
        with np.load(folder / "scores.npz") as file:
            return {
                name: [
                    {"ours": flagged_here(folder, calibration, tests), "own": float(flagged.mean())}
                    for calibration, tests, flagged in zip(
                        *(file[f"{name}/{what}"] for what in ("calibration", "tests", "flagged")), strict=True
                    )
                ]
                for name in DETECTORS
            }


def flagged_here(folder: Path, calibration: Array, tests: Array) -> float:
    """Return which share of the tests is flagged, through tables of scores, as a user would have it."""
    write_scores(folder / "good.csv", "good", calibration)
    write_scores(folder / "new.csv", "new", tests)
    calibrate_scores(folder / "good.csv", folder / "tool.sablier")
    summary = judge(folder / "tool.sablier", folder / "new.csv", alpha=ALPHA)
    return summary.flagged / summary.count


def write_scores(path: Path, name: str, scores: Array) -> None:
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "score"])
        table.writerows([f"{name}-{place}", score] for place, score in enumerate(scores.tolist()))


def pixels_of_a_digit() -> Array:
    """Return N,784 pixels in [0, 1] of all images of one digit."""
    images = load_dataset("mnist", "all").where(label=DIGIT)
    return images.array.reshape(len(images), -1).astype(np.float32) / 255


@torch.no_grad()
def features_of_tiles() -> Array:
    """Return N,392 features of all good tiles."""
    layout = MvtecLayout(INDUSTRIAL / TILES)
    images = ImageSet.concatenate([read_images(layout.training), layout.read_tests()[0]])
    views = described(Preprocess.for_images(images, TILE_SIZE), images)
    return np.concatenate([view.mean(dim=(2, 3)).numpy() for view in views])


def _without_our_packages() -> dict[str, str]:
    """Return the variables of this process without those that would lend another Python its packages."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
