"""Does the false-discovery rate hold? One detector, many batches of good images with some others among them.

The detector trains and calibrates on training images of one class. The test images are scored once; each batch is drawn from
them without replacement, and Benjamini and Hochberg's rule chooses in it, as `sablier detect --fdr` does. Per batch: the
false-discovery proportion, which is the share of good images among the flagged (0 where none is), and the power, which is the
share of the others that is flagged. The batches share one calibration, so their mean is one draw of what the rule promises on
average over calibrations.
"""

import argparse

import numpy as np

from harness import Bench, print_table
from sablier.calibration import ANOMALY, discovery_cut
from sablier.images.datasets import load_dataset
from sablier.images.imageset import ImageSet
from sablier.tasks.detect import Detector
from sablier.training.recipes import TIERS, make_recipe
from sablier.workflows.detector import train_detector

BATCH, OTHERS = 200, 20


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--normal", default="5", help="the label of the normal class")
    parser.add_argument("--fdr", type=float, default=0.1)
    parser.add_argument("--batches", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tier", default="base", choices=TIERS)


def main() -> None:
    bench = Bench("fdr", __doc__ or "", add)
    args = bench.args
    tier = "tiny" if args.quick else args.tier
    training, tests = load_dataset(args.data, "train").where(label=args.normal), load_dataset(args.data, "test")
    detector = Detector.from_file(train_detector(training, make_recipe("detector", tier, [f"seed={args.seed}"])))
    p_values, good = detector.detect(tests).p_values, tests.labels == args.normal
    batches = draw_batches(good, args.batches, args.seed)
    check_first(detector, tests, batches[0], p_values, args.fdr)
    proportions, powers, flagged_counts = [], [], []
    for batch in batches:
        flagged = choose(detector, p_values[batch], args.fdr)
        wrong = int(np.sum(flagged & good[batch]))
        proportions.append(wrong / max(int(flagged.sum()), 1))
        powers.append(float(flagged[~good[batch]].mean()))
        flagged_counts.append(int(flagged.sum()))
    rows = [spread(name, values) for name, values in (("false-discovery proportion", proportions), ("power", powers))]
    print_table(["of a batch", "mean", "low of 95 %", "high of 95 %", "10 % of batches below", "10 % above"], rows)
    (_, fdp, fdp_low, fdp_high, *fdp_tails), (_, power, power_low, power_high, *power_tails) = rows
    payload = {
        "data": args.data, "normal": args.normal, "tier": tier, "fdr": args.fdr, "batches": args.batches,
        "batch_images": BATCH, "batch_others": OTHERS, "calibration": detector.calibration.count,
        "fdp_mean": fdp, "fdp_mean_interval": [fdp_low, fdp_high], "fdp_of_batches_10_to_90": fdp_tails,
        "power": power, "power_interval": [power_low, power_high], "power_of_batches_10_to_90": power_tails,
        "flagged_mean": float(np.mean(flagged_counts)), "batches_without_a_flag": flagged_counts.count(0),
    }  # fmt: skip
    options = [args.data, args.normal, *([] if args.tier == "base" else [args.tier])]
    bench.finish("-".join(options), [args.seed], payload)


def draw_batches(good: np.ndarray, count: int, seed: int) -> list[np.ndarray]:
    """Return the positions of the images of each batch."""
    rng = np.random.default_rng(seed)
    inside, outside = np.flatnonzero(good), np.flatnonzero(~good)

    def draw() -> np.ndarray:
        return np.r_[rng.choice(inside, BATCH - OTHERS, replace=False), rng.choice(outside, OTHERS, replace=False)]

    return [draw() for _ in range(count)]


def choose(detector: Detector, p_values: np.ndarray, fdr: float) -> np.ndarray:
    """Return which images of a batch are flagged: the rule of `Detector.detect`, on p-values it has already given."""
    return np.asarray(p_values <= discovery_cut(detector.calibration.level_counts(p_values), fdr))


def check_first(detector: Detector, tests: ImageSet, batch: np.ndarray, p_values: np.ndarray, fdr: float) -> None:
    """End the bench where the batch, judged whole by the detector, gets other verdicts than from the scores drawn."""
    whole = detector.detect(tests.take(batch), fdr=fdr).verdicts == ANOMALY
    if not np.array_equal(whole, choose(detector, p_values[batch], fdr)):
        raise SystemExit("the detector flags other images of a batch than this bench does: bring the bench in line with it.")


def spread(name: str, values: list[float]) -> list[object]:
    """Return a row: the mean over batches, its 95 % interval, and what a tenth of the batches lies below and above."""
    mean, half = float(np.mean(values)), 1.96 * float(np.std(values, ddof=1)) / len(values) ** 0.5
    return [name, mean, mean - half, mean + half, *(float(tail) for tail in np.quantile(values, [0.1, 0.9]))]


if __name__ == "__main__":
    main()
