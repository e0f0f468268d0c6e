"""Does the false-alarm rate hold? Train, calibrate and test on disjoint normal images, many times over.

Each split draws its own training, correction, calibration and test images from all normal images (training and test
split of the set together). The count of false alarms among the test images is beta-binomial, since calibration and test
are both finite; the band is the one that all splits stay within together with probability 99 %.
"""

import argparse
from functools import partial

import numpy as np

from harness import Bench, print_table
from sablier.calibration import simultaneous_band
from sablier.images.datasets import load_dataset
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.detect import Detector
from sablier.workflows.training.detector import train_detector

ALPHAS = (0.01, 0.05, 0.1)
TEST_SHARE = 0.2


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--normal", default="5", help="the label of the normal class")
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--tier", default="small")


def main() -> None:
    bench = Bench("false_alarms", __doc__ or "", add)
    args = bench.args
    splits, tier = (3, "tiny") if args.quick else (args.splits, args.tier)
    normal = load_dataset(args.data, "all").where(label=args.normal)
    key = f"{args.data}-{args.normal}"
    steps = bench.partial(key)

    def measure(split: int) -> dict[str, object]:
        kept, tests = normal.split(1 - TEST_SHARE, TEST_SHARE, seed=split)
        detector = Detector.from_file(train_detector(kept, make_recipe("detector", tier, [f"seed={split}"])))
        p_values = detector.detect(tests).p_values
        return {
            "alarms": [int((p_values <= alpha).sum()) for alpha in ALPHAS],
            "tests": len(tests),
            "calibration": detector.calibration.count,
        }

    found = [steps.get(str(split), partial(measure, split)) for split in range(splits)]
    rows = []
    for index, alpha in enumerate(ALPHAS):
        outside = 0
        for run in found:
            low, high = simultaneous_band(alpha, run["calibration"], run["tests"], splits)
            outside += not low <= run["alarms"][index] <= high
        rates = [run["alarms"][index] / run["tests"] for run in found]
        mean = float(np.mean(rates))
        rows.append({
            "row": f"{alpha:.0%}", "alpha": alpha, "false_alarm_rate_mean": mean, "false_alarm_rate_min": min(rates),
            "false_alarm_rate_max": max(rates), "band": [low / run["tests"], high / run["tests"]],
            "splits": splits, "splits_outside_band": outside,
        })  # fmt: skip
    print_table(
        ["alpha", "mean rate", "lowest", "highest", "band", "outside"],
        [
            [f"{row['alpha']:.0%}", row["false_alarm_rate_mean"], row["false_alarm_rate_min"], row["false_alarm_rate_max"],
             "{:.4f} to {:.4f}".format(*row["band"]), row["splits_outside_band"]]
            for row in rows
        ],
    )  # fmt: skip
    shared = {"data": args.data, "normal": args.normal, "tier": tier}
    shared |= {name: found[0][name] for name in ("calibration", "tests")}
    bench.finish(key, list(range(splits)), {**shared, "rows": rows})


if __name__ == "__main__":
    main()
