"""Fooling images: in how many classes, how surely and how fast each way fools a classifier, and what would have told.

Three classifiers learn from the training split of the named set: the recipe `classifier` with two seeds, and the net of the
course. `classifier` and `course-cnn` are fooled, in each way and with each seed of the search; no label and no image is used for
that. Each image is then shown to the other two nets. It is judged as 8-bit pixels, by the calibrated probability. Seconds are
those of a search alone, for all classes together; the headline figures are the worst of all nets, ways and seeds.
"""

import argparse
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness import Bench, print_table
from sablier.images.datasets import load_dataset
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.recipes.config import Recipe
from sablier.recipes.make import make_recipe
from sablier.recipes.names import TIERS
from sablier.report.fooling import fool_sheet
from sablier.tasks.classification.classify import Classifier
from sablier.tasks.classification.fool import SURE, FoolResult, fool_classifier
from sablier.tasks.classification.fooling import WAYS
from sablier.workflows.training.train import train

FOOLED = ("classifier", "course-cnn")
TIER = "small"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", default="mnist", help="mnist, fashion-mnist, cifar10 or digits")
    parser.add_argument("--tier", default=TIER, choices=TIERS, help="of the recipe classifier")
    parser.add_argument("--seeds", type=int, default=3, help="how many searches")
    parser.add_argument("--pictures", type=Path, help="a folder for a sheet of each search")


def main() -> None:
    bench = Bench("fooling", __doc__ or "", add)
    args = bench.args
    data, tier = ("digits", "tiny") if args.quick else (args.data, args.tier)
    seeds = list(range(1 if args.quick else args.seeds))
    recipes = {
        "classifier": make_recipe("classifier", tier),
        "classifier, seed 1": make_recipe("classifier", tier, ["seed=1"]),
        # Few small images: three epochs of them leave a net that no image makes sure.
        "course-cnn": make_recipe("course-cnn", settings=["epochs=15"] if args.quick else []),
    }
    key = "-".join([data, *([] if tier == TIER else [tier])])
    steps, folder = bench.partial(key), bench.workshop(key, *recipes.values())
    nets = {name: trained(data, recipe, folder / f"{name}.sablier") for name, recipe in recipes.items()}
    rows = []
    for name in FOOLED:
        for seed in seeds:
            picture = args.pictures / f"fooling-{key}-{name}-{seed}.png" if args.pictures else None
            rows += steps.get(f"{name}/{seed}", partial(measure, nets, name, seed, picture))
    print_rows(rows, nets)
    tests = load_dataset(data, "test")
    bench.finish(
        key,
        seeds,
        {
            "data": data,
            "tier": tier,
            "classes": len(nets[FOOLED[0]].classes),
            "sure": SURE,
            "classes_fooled": min(row["classes_fooled"] for row in rows),
            "confidence_min": min(row["confidence_min"] for row in rows),
            "ways": {way: worst([row for row in rows if row["way"] == way]) for way in WAYS},
            "seen_through": float(np.mean([row["seen_through"] for row in rows])),
            "judged_alike": judged_alike(rows),
            "accuracy": {name: net.classify(tests.dense(net.preprocess)).accuracy for name, net in nets.items()},
            "rows": rows,
        },
        seconds=max(row["seconds"] for row in rows),
    )
    shutil.rmtree(folder, ignore_errors=True)


def trained(data: str, recipe: Recipe, path: Path) -> Classifier:
    """Return the classifier of a recipe, from the run before where that had finished it."""
    if not path.exists():
        train(load_dataset(data, "train"), path, recipe)
    return Classifier.from_file(ModelFile.load(path))


def measure(nets: dict[str, Classifier], name: str, seed: int, picture: Path | None) -> list[dict[str, Any]]:
    """Fool a classifier in every way, show the images to the others, and return a row for each way."""
    result = fool_classifier(nets[name], judge=nets[next(other for other in nets if other != name)], seed=seed)
    if picture is not None:
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(fool_sheet(result))
    return [row_of(result, way, nets, name, seed) for way in range(len(result.ways))]


def row_of(result: FoolResult, way: int, nets: dict[str, Classifier], name: str, seed: int) -> dict[str, Any]:
    """Return what one way did to one net."""
    judged = {}
    for other, net in nets.items():
        if other != name:
            said = net.classify(ImageSet(result.images[way], labels=result.classes))
            judged[other] = {"agrees": said.accuracy, "probability": float(said.probability_of(result.classes).mean())}
    return {
        "net": name,
        "way": result.ways[way],
        "seed": seed,
        "classes_fooled": int(result.fooled[way].sum()),
        "confidence_min": float(result.probabilities[way].min()),
        "generations": result.generations[way],
        "seconds": round(result.seconds[way], 2),
        "p_value_median": float(np.median(result.p_values[way])),
        "seen_through": float("nan") if result.unlike is None else float(result.unlike[way].mean()),
        "judged": judged,
    }


def worst(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the fewest classes fooled, the least confidence and the longest time of several searches."""
    return {
        "classes_fooled": min(row["classes_fooled"] for row in rows),
        "confidence_min": min(row["confidence_min"] for row in rows),
        "seconds": max(row["seconds"] for row in rows),
        "seen_through": float(np.mean([row["seen_through"] for row in rows])),
        "judged_alike": judged_alike(rows),
    }


def judged_alike(rows: list[dict[str, Any]]) -> float:
    """Return the share of images in which another net sees the same class, mean over nets."""
    return float(np.mean([each["agrees"] for row in rows for each in row["judged"].values()]))


def print_rows(rows: list[dict[str, Any]], nets: dict[str, Classifier]) -> None:
    """Print a line for each search; of each other net, the share of images in which it sees the same class."""
    table = [
        [
            f"{row['net']}, {row['way']}, seed {row['seed']}",
            row["classes_fooled"],
            row["confidence_min"],
            row["generations"],
            f"{row['seconds']:.1f}",
            row["p_value_median"],
            f"{row['seen_through']:.0%}",
            *(f"{row['judged'][name]['agrees']:.0%}" if name in row["judged"] else "" for name in nets),
        ]
        for row in rows
    ]
    header = ["net, way", "fooled", "least sure", "generations", "seconds", "median p-value", "p < 0.01"]
    print_table([*header, *(f"{name} agrees" for name in nets)], table)


if __name__ == "__main__":
    main()
