"""Wrong labels of MNIST's test set: how many of those that people found are among the 100 test images to look at first?

Northcutt, Athalye and Mueller (2021) showed 100 suspected test images to five people each; of 15, fewer than three chose the
given label (mnist_mturk.json of their data, below $SABLIER_DATA/label-errors). Here one recipe is cross-validated over training
and test images together, 70,000 of them, so that no network judges an image it has learnt from; test labels are the subject, and
no figure of another bench comes from these networks. Test images are then ranked, among themselves, by the score of
`sablier mistakes`. Beside it stand both orders that the score is made of, and the same code on the published probabilities. Those
chose the images that people were shown: wrong labels that their net did not suspect are not known, so that another net can only
lose. Finished folds are taken up again. Larger tiers agree with more of the wrong labels (--tier small).

With --quick a twentieth of the digits get a wrong label here, and all of them are known.
"""

import argparse
import json
import os
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness import Bench, labels_of, print_table
from sablier.images.datasets import load_dataset
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile
from sablier.recipes.config import Recipe
from sablier.recipes.make import make_recipe
from sablier.recipes.names import TIERS
from sablier.tasks.classification.mistakes import MistakesResult, find_mistakes
from sablier.typing import Array
from sablier.workflows.training.cross_validation import FOLDS, cross_validate, folder_of

TIER = "tiny"
PEOPLE = 3  # of five who must choose a label for it to stand
FALSIFIED = 0.05  # share of the digits of a quick run
PLACES = (15, 25, 50, 100, 200)  # of the ranking, up to which hits are counted


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tier", default=TIER, choices=TIERS)
    parser.add_argument("--folds", type=int, default=FOLDS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], dest="settings", help="key=value of the recipe; again for more")


def main() -> None:
    bench = Bench("label_errors", __doc__ or "", add)
    args = bench.args
    tier = "tiny" if args.quick else args.tier
    data = "digits" if args.quick else "mnist"
    seeds = list(range(1 if args.quick else args.seeds))
    images, judged, errors = falsified_digits() if args.quick else mnist()
    key = "-".join([data, *([] if tier == TIER else [tier]), *args.settings])
    steps, workshop = bench.partial(key), bench.workshop(key, args.folds)
    rows = []
    for seed in seeds:
        recipe = make_recipe("classifier", tier, [*args.settings, f"seed={seed}"])
        rows.append(steps.get(f"seed {seed}", partial(measure, images, judged, errors, recipe, args.folds, workshop)))
    if not args.quick:
        rows.append({"row": "published probabilities", **hits(published(images.take(judged)).order, errors[judged])})
    print_table(
        ["hits among the first", *map(str, PLACES)], [[row["row"], *(row[f"hits_in_{p}"] for p in PLACES)] for row in rows]
    )
    ours = rows[: len(seeds)]
    payload = {
        "data": data,
        "tier": tier,
        "folds": args.folds,
        "images": len(images),
        "judged": int(judged.sum()),
        "errors": int(errors.sum()),
        "share_found": float(np.mean([row["share_found"] for row in ours])),
        **{f"hits_in_{place}": float(np.mean([row[f"hits_in_{place}"] for row in ours])) for place in PLACES},
        "rows": rows,
    }
    bench.finish(key, seeds, payload)
    shutil.rmtree(workshop, ignore_errors=True)


def measure(images: ImageSet, judged: Array, errors: Array, recipe: Recipe, folds: int, workshop: Path) -> dict[str, Any]:
    """Cross-validate a recipe, and return how its ranking finds the wrong labels."""
    dense = images.dense(Preprocess.for_images(images, recipe.size))
    folder = folder_of(workshop, dense, recipe, folds)
    found = cross_validate(dense, recipe, folds, folder=folder, on_progress=say)
    result = find_mistakes(dense, found.classes, found.probabilities)
    order = result.order[judged[result.order]]
    orders = {"margin": np.argsort(result.margin, kind="stable"), "loss": np.argsort(-result.loss, kind="stable")}
    alone = {name: hits(each[judged[each]], errors)["hits_in_100"] for name, each in orders.items()}
    return {
        "row": f"ours, seed {recipe.fit.seed}",
        **hits(order, errors),
        **{f"hits_in_100_by_{name}": count for name, count in alone.items()},
        "share_found": float(errors[order[: errors.sum()]].mean()),
        "suspected": int(result.suspected[judged].sum()),
        "errors_suspected": int((result.suspected & errors).sum()),
        "accuracy": 1 - float(result.wrong[judged].mean()),
        "calibration_error": result.calibration_error,
        "train_seconds": train_seconds(folder),
    }


def mnist() -> tuple[ImageSet, Array, Array]:
    """Return the 70,000 images, which of them are of the test split, and which have a label that most people do not choose."""
    training, tests = load_dataset("mnist", "train"), load_dataset("mnist", "test")
    images = ImageSet.concatenate([training, tests])
    judged = np.arange(len(images)) >= len(training)
    errors = np.zeros(len(images), bool)
    for row in json.loads((label_errors() / "mnist_mturk.json").read_text()):
        if str(row["given_original_label"]) != labels_of(tests)[row["id"]]:
            raise SystemExit(f"test image {row['id']} has another label than people were shown: these are not the same images.")
        errors[len(training) + row["id"]] = row["mturk"]["given"] < PEOPLE
    return images, judged, errors


def falsified_digits() -> tuple[ImageSet, Array, Array]:
    """Return digits of which some have a wrong label, that all of them are judged, and which have one."""
    digits, random = load_dataset("digits", "all"), np.random.default_rng(0)
    errors = np.zeros(len(digits), bool)
    errors[random.choice(len(digits), round(FALSIFIED * len(digits)), replace=False)] = True
    labels = labels_of(digits).astype(int)
    labels[errors] = (labels[errors] + random.integers(1, 10, int(errors.sum()))) % 10
    return replace(digits, labels=labels.astype(str)), np.ones(len(digits), bool), errors


def published(tests: ImageSet) -> MistakesResult:
    """Return the ranking by the probabilities that were published with the verdicts."""
    probabilities = np.load(label_errors() / "mnist_test_set_pyx.npy", allow_pickle=False)
    return find_mistakes(tests, np.arange(10).astype(str), np.asarray(probabilities, np.float64))


def label_errors() -> Path:
    folder = Path(os.environ.get("SABLIER_DATA", "")) / "label-errors"
    if not (folder / "mnist_mturk.json").exists():
        raise SystemExit("this bench needs label-errors/mnist_mturk.json below the folder that SABLIER_DATA names.")
    return folder


def hits(order: Array, errors: Array) -> dict[str, int]:
    """Return how many wrong labels are among the first of an order, for each of the places."""
    return {f"hits_in_{place}": int(errors[order[:place]].sum()) for place in PLACES}


def train_seconds(folder: Path) -> float:
    """Return how long all folds trained."""
    files = [ModelFile.load(path) for path in folder.glob("fold-*.sablier")]
    return sum(float(history["seconds"]) for file in files for history in file.histories.values())


def say(stage: str, progress: Any) -> None:
    if progress.row:
        share = progress.done / progress.total
        print(f"{stage}: {share:.0%}, {progress.row['seconds']:.0f} s, loss {progress.row['loss']:.4f}", flush=True)


if __name__ == "__main__":
    main()
