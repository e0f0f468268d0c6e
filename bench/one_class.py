"""One class is normal: train on its training images, score the whole test set. Last epoch, no label used, several seeds.

Normal images of the training split train, correct and calibrate; the test split is only scored. PCA and nearest
neighbours are fitted on the same images with settings that never change. With --peers, other people's detectors learn from the
same images and score the same tests, at their defaults and with one seed, in an environment that is made once (peers.py).
"""

import argparse
import json
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from environment import Environment
from harness import Bench, Partial, labels_of, print_table
from sablier.images.datasets import load_dataset
from sablier.images.imageset import ImageSet
from sablier.metrics import auroc
from sablier.recipes.make import make_recipe
from sablier.recipes.names import TIERS
from sablier.tasks.detection.detect import Detector
from sablier.workflows.training.detector import train_detector

PYOD, TQDM = "3.6.7", "4.67.1"
# OneClassSVM takes time and memory as the square of the images it learns from.
SVM_IMAGES = 6000
PEER_IMAGES_QUICK = 500  # of each peer in a quick run

Run = dict[str, float]


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", default="mnist", help="mnist, fashion-mnist, cifar10, notmnist or digits")
    parser.add_argument("--classes", default="all", help="comma-separated labels, or all")
    parser.add_argument("--seeds", type=int, default=1, help="how many trainings a class")
    parser.add_argument("--tier", default="base", choices=TIERS)
    parser.add_argument("--peers", action="store_true", help="run PyOD's and scikit-learn's detectors too")


def main() -> None:
    bench = Bench("one_class", __doc__ or "", add)
    args = bench.args
    training, tests = load_dataset(args.data, "train"), load_dataset(args.data, "test")
    classes = list(np.unique(labels_of(training))) if args.classes == "all" else args.classes.split(",")
    seeds = list(range(args.seeds))
    if args.quick:
        classes, seeds = classes[:1], seeds[:1]
    tier = "tiny" if args.quick else args.tier
    options = [args.data, *([] if args.classes == "all" else [f"class-{args.classes.replace(',', '-')}"])]
    key = "-".join([*options, *([] if args.tier == "base" else [args.tier])])
    steps = bench.partial(key)
    environment = peers_environment(args.quick) if args.peers else None
    runs: dict[str, list[Run]] = {}
    peers: dict[str, dict[str, Run]] = {}
    for label in classes:
        normal = training.where(label=label)
        runs[label] = [steps.get(f"{label}/{seed}", partial(measure, normal, tests, label, tier, seed)) for seed in seeds]
        print(f"{label}: {mean_of(runs[label], 'auroc'):.4f}", flush=True)
        if environment:
            peers[label] = peers_of(label, steps, environment, normal, tests, args.quick)
    print_rows(runs)
    areas = {label: mean_of(each, "auroc") for label, each in runs.items()}
    every = [run for each in runs.values() for run in each]
    payload = {
        "data": args.data,
        "tier": tier,
        "auroc_mean": float(np.mean(list(areas.values()))),
        "auroc_worst": min(areas.values()),
        "auroc": areas,
        "auroc_pca": mean_of(every, "auroc_pca"),
        "auroc_knn": mean_of(every, "auroc_knn"),
        "auroc_sd": float(np.mean([spread_of(each) for each in runs.values()])),
        "fit_seconds_max": max(run["fit_seconds"] for run in every),
        "score_seconds_max": max(run["score_seconds"] for run in every),
        "total_seconds": float(sum(run["fit_seconds"] for run in every)),
    }
    if peers:
        payload |= {"peers": peer_figures(peers), "peers_pyod": PYOD}
    bench.finish(key, seeds, payload)


def measure(normal: ImageSet, tests: ImageSet, label: str, tier: str, seed: int) -> Run:
    """Train on the normal images and score the tests."""
    start = time.perf_counter()
    detector = Detector.from_file(train_detector(normal, make_recipe("detector", tier, [f"seed={seed}"])))
    fitted = time.perf_counter() - start
    found = detector.detect(tests)
    scored = time.perf_counter() - start - fitted
    good = tests.labels == label
    scores = {"auroc": found.scores, **{f"auroc_{name}": values for name, values in found.baseline_scores.items()}}
    areas = {name: auroc(values[good], values[~good]) for name, values in scores.items()}
    alarms = float((found.p_values[good] <= 0.05).mean())
    return {**areas, "fit_seconds": fitted, "score_seconds": scored, "false_alarm_rate": alarms}


def mean_of(runs: list[Run], name: str) -> float:
    return float(np.mean([run[name] for run in runs]))


def spread_of(runs: list[Run]) -> float:
    return float(np.std([run["auroc"] for run in runs]))


def print_rows(runs: dict[str, list[Run]]) -> None:
    """Print a row a class."""
    header = ["AUROC", "sd over seeds", "PCA", "kNN", "false alarms at 5 %", "fit seconds"]
    rows = []
    for label, each in runs.items():
        means = [mean_of(each, name) for name in ("auroc_pca", "auroc_knn", "false_alarm_rate")]
        seconds = max(run["fit_seconds"] for run in each)
        rows.append([label, mean_of(each, "auroc"), spread_of(each), *means, f"{seconds:.0f}"])
    print_table([f"normal ({len(next(iter(runs.values())))} seeds)", *header], rows)


def peers_environment(quick: bool) -> Environment | None:
    """Return the environment of the peers, made if need be; none in a quick run that would have to install it."""
    environment = Environment("pyod[torch]", PYOD)
    if quick and not environment.ready:
        print("no peers: they have no environment yet, and a quick run makes none")
        return None
    environment.make()
    # PyOD needs tqdm and does not say so.
    subprocess.run([environment.python, "-m", "pip", "install", "--quiet", f"tqdm=={TQDM}"], check=True)
    return environment


def peers_of(
    label: str, steps: Partial, environment: Environment, normal: ImageSet, tests: ImageSet, quick: bool
) -> dict[str, Run]:
    """Return what each peer reaches where `label` is normal; print it."""
    found: dict[str, Run] = steps.get(f"peers/{label}", partial(run_peers, environment, normal, tests, label, quick))
    print(f"{label}, peers: " + ", ".join(f"{name} {run['auroc']:.4f}" for name, run in found.items()), flush=True)
    return found


def run_peers(environment: Environment, normal: ImageSet, tests: ImageSet, label: str, quick: bool) -> dict[str, Run]:
    """Return name -> AUROC, false-alarm rate at the threshold the peer chooses, seconds, images it learnt from."""
    if quick:
        normal = normal.take(np.arange(min(len(normal), PEER_IMAGES_QUICK)))
    job = {
        "seed": 0,
        "white": 255 if normal.array.dtype == np.uint8 else 65535,
        "svm_images": SVM_IMAGES,
    }
    with tempfile.TemporaryDirectory() as folder:
        images, scores = Path(folder) / "images.npz", Path(folder) / "scores.npz"
        np.savez(images, training=normal.array, tests=tests.array)
        script = Path(__file__).parent / "peers.py"
        command = [str(item) for item in (environment.python, script, images, scores, json.dumps(job))]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"the peers failed:\n{done.stderr[-2000:]}")
        found: dict[str, Run] = json.loads(done.stdout.splitlines()[-1])
        good = tests.labels == label
        with np.load(scores) as file:
            for name, run in found.items():
                values, flagged = file[f"{name}/scores"], file[f"{name}/flagged"]
                run |= {"auroc": auroc(values[good], values[~good]), "false_alarm_rate": float(flagged[good].mean())}
    return found


def peer_figures(peers: dict[str, dict[str, Run]]) -> dict[str, Any]:
    """Print the peers and return their figures over the classes; seconds include scoring the tests."""
    figures: dict[str, Any] = {}
    for name in next(iter(peers.values())):
        runs = {label: found[name] for label, found in peers.items()}
        figures[name] = {
            "auroc_mean": mean_of(list(runs.values()), "auroc"),
            "auroc": {label: run["auroc"] for label, run in runs.items()},
            "false_alarm_rate": mean_of(list(runs.values()), "false_alarm_rate"),
            "seconds": float(sum(run["seconds"] for run in runs.values())),
            "most_images": max(run["images"] for run in runs.values()),
        }
    columns = ("auroc_mean", "false_alarm_rate", "seconds", "most_images")
    print_table(
        [
            f"PyOD {PYOD} and scikit-learn, defaults",
            "AUROC",
            "false alarms at their threshold",
            "seconds",
            "learnt from, at most",
        ],
        [[name, *(run[column] for column in columns)] for name, run in figures.items()],
    )
    return figures


if __name__ == "__main__":
    main()
