"""One class is normal: train on its training images, score the whole test set. Last epoch, no label used, several seeds.

Normal images of the training split train, correct and calibrate; the test split is only scored. PCA and nearest
neighbours are fitted on the same images with settings that never change.
"""

import argparse
import time

import numpy as np

from harness import Bench, print_table
from sablier.images.datasets import load_dataset
from sablier.metrics import auroc
from sablier.tasks.detect import Detector
from sablier.training.recipes import TIERS, make_recipe
from sablier.workflows.detector import train_detector


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", default="mnist", help="mnist, fashion-mnist, cifar10, notmnist or digits")
    parser.add_argument("--classes", default="all", help="comma-separated labels, or all")
    parser.add_argument("--seeds", type=int, default=1, help="how many trainings a class")
    parser.add_argument("--tier", default="base", choices=TIERS)


def main() -> None:
    bench = Bench("one_class", __doc__ or "", add)
    args = bench.args
    training, tests = load_dataset(args.data, "train"), load_dataset(args.data, "test")
    classes = list(np.unique(training.labels)) if args.classes == "all" else args.classes.split(",")
    seeds = list(range(args.seeds))
    if args.quick:
        classes, seeds = classes[:1], seeds[:1]
    options = [args.data, *([] if args.classes == "all" else [f"class-{args.classes.replace(',', '-')}"])]
    key = "-".join([*options, *([] if args.tier == "base" else [args.tier])])
    steps = bench.partial(key)

    def measure(label: str, seed: int) -> dict[str, float]:
        recipe = make_recipe("detector", "tiny" if args.quick else args.tier, [f"seed={seed}"])
        start = time.perf_counter()
        detector = Detector.from_file(train_detector(training.where(label=label), recipe))
        fitted = time.perf_counter() - start
        found = detector.detect(tests)
        normal = tests.labels == label
        scores = {"auroc": found.scores, **{f"auroc_{name}": values for name, values in found.baseline_scores.items()}}
        areas = {name: auroc(values[normal], values[~normal]) for name, values in scores.items()}
        return {**areas, "fit_seconds": fitted, "false_alarm_rate": float((found.p_values[normal] <= 0.05).mean())}

    rows, areas = [], {}
    for label in classes:
        each = [steps.get(f"{label}/{seed}", lambda label=label, seed=seed: measure(label, seed)) for seed in seeds]
        mean = {name: float(np.mean([run[name] for run in each])) for name in each[0]}
        areas[label] = mean
        spread = float(np.std([run["auroc"] for run in each]))
        seconds = max(run["fit_seconds"] for run in each)
        columns = ("auroc_pca", "auroc_knn", "false_alarm_rate")
        rows.append([label, mean["auroc"], spread, *(mean[name] for name in columns), f"{seconds:.0f}"])
        print(f"{label}: {mean['auroc']:.4f}", flush=True)
    header = ["normal", "AUROC", "sd over seeds", "PCA", "kNN", "false alarms at 5 %", "fit seconds"]
    print_table([f"{header[0]} ({len(seeds)} seeds)", *header[1:]], rows)
    ours = [area["auroc"] for area in areas.values()]
    fits = [run["fit_seconds"] for run in steps.done.values()]
    payload = {
        "data": args.data,
        "tier": "tiny" if args.quick else args.tier,
        "auroc_mean": float(np.mean(ours)),
        "auroc_worst": float(np.min(ours)),
        "auroc": {label: area["auroc"] for label, area in areas.items()},
        "auroc_pca": float(np.mean([area["auroc_pca"] for area in areas.values()])),
        "auroc_knn": float(np.mean([area["auroc_knn"] for area in areas.values()])),
        "auroc_sd": float(np.mean([row[2] for row in rows])),
        "fit_seconds_max": max(fits),
        "total_seconds": float(sum(fits)),
    }
    bench.finish(key, seeds, payload)


if __name__ == "__main__":
    main()
