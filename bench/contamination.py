"""Training images that are not all normal: how much is lost, and how many of the intruders are listed.

Of the training images of one class and a twentieth of others, drawn at random, nobody tells the detector which is which. It is
trained three times: on the clean images; on all of them; and on all but the intruders that were listed, which is what a person
makes of the list who looks through it. Every detector scores the whole test set.
"""

import argparse
import time
from functools import partial

import numpy as np

from harness import Bench, print_table
from sablier.images.datasets import load_dataset
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.metrics import auroc
from sablier.recipes.config import Recipe
from sablier.recipes.make import make_recipe
from sablier.recipes.names import TIERS
from sablier.tasks.detection.contamination import Contamination, find_contamination
from sablier.tasks.detection.detect import Detector
from sablier.workflows.training.detector import train_detector

ALPHA = 0.05


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--normal", default="5", help="the label of the normal class")
    parser.add_argument("--share", type=float, default=0.05, help="of the training images that are others")
    parser.add_argument("--seeds", type=int, default=1, help="how many draws and trainings")
    parser.add_argument("--tier", default="base", choices=TIERS)


def main() -> None:
    bench = Bench("contamination", __doc__ or "", add)
    args = bench.args
    tier, seeds = "tiny" if args.quick else args.tier, list(range(1 if args.quick else args.seeds))
    training, tests = load_dataset(args.data, "train"), load_dataset(args.data, "test")
    options = [args.data, args.normal, *([] if args.tier == "base" else [args.tier])]
    options += [] if args.share == 0.05 else [f"share-{args.share:g}"]
    steps = bench.partial("-".join(options))

    def measure(seed: int) -> dict[str, dict[str, float]]:
        return measured(training, tests, args.normal, args.share, make_recipe("detector", tier, [f"seed={seed}"]))

    runs = [steps.get(str(seed), partial(measure, seed)) for seed in seeds]

    def mean(part: str, name: str) -> float:
        return float(np.mean([run[part][name] for run in runs]))

    columns = ("auroc", "false_alarm_rate", "found_rate")
    rows = [[part, *(mean(part, name) for name in columns)] for part in ("clean", "contaminated", "looked through")]
    print_table(["trained on", "AUROC", f"false alarms at {ALPHA:.0%}", "others found"], rows)
    payload = {
        "data": args.data, "normal": args.normal, "share": args.share, "tier": tier,
        "auroc_drop": mean("clean", "auroc") - mean("contaminated", "auroc"),
        "auroc_drop_looked_through": mean("clean", "auroc") - mean("looked through", "auroc"),
        "auroc": {row[0]: row[1] for row in rows},
        "false_alarm_rate": {row[0]: row[2] for row in rows},
        "found_rate": {row[0]: row[3] for row in rows},
        **{name: mean("listed", name) for name in runs[0]["listed"]},
    }  # fmt: skip
    bench.finish("-".join(options), seeds, payload)


def measured(training: ImageSet, tests: ImageSet, normal: str, share: float, recipe: Recipe) -> dict[str, dict[str, float]]:
    """Return what each of the three detectors reaches, and what was listed."""
    mixed = contaminated(training, normal, share, recipe.fit.seed)
    clean = training.where(label=normal)
    intruders = mixed.labels != normal
    start = time.perf_counter()
    filtered, of_clean = filtered_of(mixed, recipe), filtered_of(clean, recipe)
    seconds = (time.perf_counter() - start) / 2
    listed = np.isin(np.arange(len(mixed)), filtered.indices)
    return {
        "clean": judged(clean, tests, normal, recipe),
        "contaminated": judged(mixed, tests, normal, recipe),
        "looked through": judged(mixed.take(~(listed & intruders)), tests, normal, recipe),
        "listed": {
            "images": len(mixed),
            "intruders": int(np.sum(intruders)),
            "listed": len(filtered),
            "intruders_listed": float(listed[intruders].mean()),
            "normal_listed": float(listed[~intruders].mean()),
            "listed_of_clean": len(of_clean),
            "listed_share_of_clean": len(of_clean) / len(clean),
            "filter_seconds": seconds,
        },
    }


def contaminated(training: ImageSet, normal: str, share: float, seed: int) -> ImageSet:
    """Return all images of the normal class and others at random, which make `share` of the whole, in their first order."""
    inside, outside = (np.flatnonzero(training.labels == normal), np.flatnonzero(training.labels != normal))
    count = round(share / (1 - share) * len(inside))
    chosen = np.random.default_rng(seed).choice(outside, count, replace=False)
    return training.take(np.sort(np.r_[inside, chosen]))


def filtered_of(images: ImageSet, recipe: Recipe) -> Contamination:
    """Return what the contamination filter lists."""
    preprocess = Preprocess.for_images(images, recipe.size)
    return find_contamination(images.dense(preprocess), preprocess, recipe.fit.seed)


def judged(images: ImageSet, tests: ImageSet, normal: str, recipe: Recipe) -> dict[str, float]:
    """Train on images and score the tests."""
    found = Detector.from_file(train_detector(images, recipe)).detect(tests, ALPHA)
    good, flagged = tests.labels == normal, found.p_values <= ALPHA
    return {
        "auroc": auroc(found.scores[good], found.scores[~good]),
        "false_alarm_rate": float(flagged[good].mean()),
        "found_rate": float(flagged[~good].mean()),
    }


if __name__ == "__main__":
    main()
