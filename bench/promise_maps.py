"""Does the promise for maps hold? How many good images show any mark (a white pixel in their mask) at a false-alarm rate of 5 %?

Train, calibrate and test on disjoint good images, many times over. Of MNIST, both parts of the set are dealt anew. Of the photos
of magnetic_tile, tiles that the set holds several times lie in one part, as in false_alarms_photos.py. The number of marked
images is compared with the band that all splits stay within together with probability 99 % (beta-binomial). Without a promise,
and only reported: a few images of MNIST, which calibrate cross-conformal folds.

Without $SABLIER_DATA/industrial the photos are left out; with --quick only MNIST is measured.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from false_alarms_photos import INDUSTRIAL, dealt, good_of, known_repeats
from harness import Bench, Partial, print_table
from sablier.calibration import simultaneous_band
from sablier.images.chunks import chunk_for
from sablier.images.datasets import load_dataset
from sablier.images.imageset import ImageSet
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.regions import RegionRule
from sablier.workflows.training.detector import train_detector

ALPHA = 0.05
TIER = "tiny"  # its members all have maps; other tiers add none to photos of this size
SPLITS, QUICK_SPLITS = 20, 3
TEST_SHARE = 0.2
FEW = 100  # images of MNIST that are so few that folds calibrate
PHOTOS = "magnetic_tile"
CLAIM = "maps: good images with any mark at 5%"


@dataclass(frozen=True)
class Counted:
    """One split: how many good images were tested, how many of them show a mark, and how many groups calibrated."""

    marked: int
    tests: int
    calibrated_on: int

    def outside(self, splits: int) -> bool:
        """Whether the count lies outside the band of so many splits."""
        low, high = simultaneous_band(ALPHA, self.calibrated_on, self.tests, splits)
        return not low <= self.marked <= high


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=0)


def main() -> None:
    bench = Bench("promise_maps", __doc__ or "", add)
    found = rows(bench.args.quick, bench.args.seed, bench.partial("all"))
    shown = ("claim", "data", "figure", "bar", "inside", "runs")
    print_table(list(shown), [[row[name] for name in shown] for row in found])
    bench.finish("all", [bench.args.seed], {"alpha": ALPHA, "tier": TIER, "rows": found})


def rows(quick: bool, seed: int, steps: Partial | None = None) -> list[dict[str, Any]]:
    """Return the rows on maps: claim, data, figure, bar, inside and runs; bar and inside are None where it is only reported.

    Args:
        quick: three splits of MNIST, and nothing else.
        seed: of the first split; the next ones count on from there.
        steps: keeps finished splits; None keeps none.
    """
    kept, splits = steps or Partial(None), QUICK_SPLITS if quick else SPLITS
    good = load_dataset("mnist", "all").where(label="5")
    sources: dict[str, Callable[[int], dict[str, int]]] = {
        "mnist-5": partial(of_digits, good, None),
    }
    if not quick:
        sources[f"mnist-5, {FEW} images in folds"] = partial(of_digits, good, FEW)
    if not quick and (INDUSTRIAL / PHOTOS).is_dir():
        sources[PHOTOS] = partial(of_photos, PHOTOS)
    found = []
    for data, measure in sources.items():
        numbers = range(seed, seed + splits)
        runs = [Counted(**kept.get(f"{data} {number}", partial(measure, number))) for number in numbers]
        found += [{"data": data, "runs": splits} | row for row in summed(runs, promised="folds" not in data)]
    return found


def of_digits(good: ImageSet, few: int | None, seed: int) -> dict[str, int]:
    """Return the marks of one split of MNIST; `few` images train, or all that are not tested."""
    training, tests = good.split(1 - TEST_SHARE, TEST_SHARE, seed=seed)
    return counted(training if few is None else training.take(np.arange(few)), tests, seed)


def of_photos(category: str, seed: int) -> dict[str, int]:
    """Return the marks of one deal of the good photos of a set."""
    parts = [good_of(category, part) for part in ("train", "test")]
    pooled = ImageSet.concatenate(parts)
    trains = dealt(known_repeats(pooled), len(parts[0]), seed)
    return counted(pooled.take(trains), pooled.take(~trains), seed)


def counted(training: ImageSet, tests: ImageSet, seed: int) -> dict[str, int]:
    """Train on some good images, and count those of others whose mask has a white pixel."""
    detector = Detector.from_file(train_detector(training, make_recipe("detector", TIER, [f"seed={seed}"])))
    parts = tests.chunks(chunk_for(detector.preprocess))
    marked = sum(int(mask.any()) for part in parts for mask in masks_of(detector, part))
    return asdict(Counted(marked, len(tests), detector.calibration.groups))


def masks_of(detector: Detector, images: ImageSet) -> Iterator[np.ndarray]:
    """Yield the mask of each image, at its original size, as `detect` writes it."""
    found = detector.detect(images, ALPHA, pictures=True)
    assert found.anomaly_maps is not None
    assert found.sizes is not None
    for anomaly_map, (height, width) in zip(found.anomaly_maps, found.sizes.tolist(), strict=True):
        yield RegionRule().found(anomaly_map, (height, width), found.mark_level)[0]


def summed(runs: list[Counted], promised: bool) -> list[dict[str, Any]]:
    """Return how many splits lie outside the band, and the mean and the largest share of marked images."""
    shares, outside = [each.marked / each.tests for each in runs], sum(each.outside(len(runs)) for each in runs)
    reported = {f"{CLAIM}: mean share": float(np.mean(shares)), f"{CLAIM}: largest share": max(shares)}
    bar, inside = (0, outside == 0) if promised else (None, None)
    return [
        {"claim": f"{CLAIM}: splits outside the band", "figure": outside, "bar": bar, "inside": inside},
        *({"claim": claim, "figure": figure, "bar": None, "inside": None} for claim, figure in reported.items()),
    ]


if __name__ == "__main__":
    main()
