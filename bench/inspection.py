"""Photos of good parts only: train and judge with every default. Needs $SABLIER_DATA/industrial in the MVTec layout.

train/good trains and calibrates; test/good and every other folder of test are only judged. Times are of the whole verbs.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from harness import Bench, print_table
from sablier.images.sources import read_images
from sablier.training.recipes import make_recipe
from sablier.workflows.detect import detect
from sablier.workflows.evaluate import evaluate
from sablier.workflows.train import train


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--category", default="toothbrush")
    parser.add_argument("--seed", type=int, default=0)


def main() -> None:
    bench = Bench("inspection", __doc__ or "", add)
    category, seed = bench.args.category, bench.args.seed
    place = Path(os.environ.get("SABLIER_DATA", ".data")) / "industrial" / category
    tests = read_images(place / "test")
    with tempfile.TemporaryDirectory() as folder:
        model, start = Path(folder) / "part.sablier", time.perf_counter()
        train(place / "train" / "good", model, make_recipe("detector", "tiny" if bench.args.quick else "base", [f"seed={seed}"]))
        trained = time.perf_counter()
        detect(model, place / "test", Path(folder) / "out")
        detected = time.perf_counter()
        result = evaluate(model, tests.where(label="good"), tests.take(tests.labels != "good"))
    print_table(
        ["method", "AUROC", "false alarms", "missed"],
        [[row.method, row.auroc, row.false_alarms.value, row.missed.value] for row in result.rows],
    )
    ours, pca, knn = result.rows
    payload = {
        "category": category,
        "image_auroc": ours.auroc,
        "auroc_pca": pca.auroc,
        "auroc_knn": knn.auroc,
        "false_alarm_rate": ours.false_alarms.value,
        "miss_rate": ours.missed.value,
        "good": ours.false_alarms.count,
        "bad": ours.missed.count,
        "train_seconds": trained - start,
        "detect_seconds": detected - trained,
    }
    bench.finish(category, [seed], payload)


if __name__ == "__main__":
    main()
