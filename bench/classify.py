"""Classifiers by the test split of named sets: accuracy, calibration, and the seconds of training. Needs the named sets.

The nets of the course: accuracy before training, and after one pass over the images or three. The recipe `classifier-fast`
within a budget of seconds, which decides its size; `classifier`, whose labels are not smoothed, in the smallest of these
budgets. Every classifier holds out up to 2,500 training images for its temperature, and for whether unsure images are looked
at again; nothing else is chosen, and the test split is looked at once, at the end. ECE is the expected calibration error of
the probabilities a user sees, 15 bins. Seconds are of all of `train`: trying widths, training, holding out, calibrating.

`--rows` names the rows to run; those that are finished are kept, so that long ones may come later. Rows of more than two
minutes have one seed, others five.
"""

import argparse
import time
from functools import partial

import numpy as np
import torch

from harness import Bench, print_table
from sablier.images.datasets import load_dataset
from sablier.images.imageset import ImageSet
from sablier.models import create_model
from sablier.recipes.config import Recipe, of_task
from sablier.recipes.make import make_recipe
from sablier.recipes.tasks import ClassificationRecipe
from sablier.tasks.classification.classify import Classifier, all_logits
from sablier.transforms.batches import Batches
from sablier.workflows.training.classifier import class_numbers, train_classifier

MANY, FEW = range(5), range(1)
STARTING_IMAGES = 1000  # that a network looks at before it learns
# Name -> (data, recipe, settings, seeds).
ROWS: dict[str, tuple[str, str, list[str], range]] = {
    "course-softmax": ("mnist", "course-softmax", [], MANY),
    "course-cnn, 1 epoch": ("mnist", "course-cnn", ["epochs=1"], MANY),
    "course-cnn, 3 epochs": ("mnist", "course-cnn", ["epochs=3"], MANY),
    "mnist in 14 s": ("mnist", "classifier-fast", ["budget_seconds=14"], MANY),
    "mnist in 14 s, calibrated": ("mnist", "classifier", ["budget_seconds=14"], MANY),
    "mnist in 110 s": ("mnist", "classifier-fast", ["budget_seconds=110"], MANY),
    "cifar10 in 5 minutes": ("cifar10", "classifier-fast", ["budget_seconds=300"], FEW),
    "cifar10 in 5 minutes, calibrated": ("cifar10", "classifier", ["budget_seconds=300"], FEW),
    "cifar10 in 15 minutes": ("cifar10", "classifier-fast", ["budget_seconds=900"], FEW),
    "cifar10 in 60 minutes": ("cifar10", "classifier-fast", ["budget_seconds=3600"], FEW),
}
QUICK = {
    "course-softmax": ("digits", "course-softmax", [], FEW),
    "digits in 5 s": ("digits", "classifier-fast", ["budget_seconds=5"], FEW),
    "digits in 5 s, calibrated": ("digits", "classifier", ["budget_seconds=5"], FEW),
}


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", default="", help="semicolon-separated names of rows, or parts of names; all by default")


def main() -> None:
    bench = Bench("classify", __doc__ or "", add)
    known = QUICK if bench.args.quick else ROWS
    wanted = [part.strip() for part in bench.args.rows.split(";")]
    steps = bench.partial("all")
    rows = []
    for name, (data, recipe, settings, seeds) in known.items():
        done = all(f"{name}/{seed}" in steps.done for seed in seeds)
        if not done and not any(part in name for part in wanted):
            continue
        runs = [
            steps.get(f"{name}/{seed}", partial(measure, data, make_recipe(recipe, settings=[*settings, f"seed={seed}"])))
            for seed in seeds
        ]
        budget = of_task(make_recipe(recipe, settings=settings), ClassificationRecipe).budget_seconds
        row = {key: float(np.mean([run[key] for run in runs])) for key in runs[0]}
        rows.append({"row": name, "net": recipe, "data": data, "budget_seconds": budget, **row, "seeds": len(runs)})
        columns = ["accuracy_before", "accuracy", "accuracy_one_view", "ece", "train_seconds", "width", "epochs", "seeds"]
        print_table([name, *columns], [["", *(rows[-1][column] for column in columns)]])
    bench.finish("all", list(MANY), {"rows": rows}, whole=len(rows) == len(known))


def measure(data: str, recipe: Recipe) -> dict[str, float]:
    """Return what one training gives."""
    training, tests = load_dataset(data, "train"), load_dataset(data, "test")
    start = time.perf_counter()
    file = train_classifier(training, recipe)
    seconds = time.perf_counter() - start
    classifier = Classifier.from_file(file)
    result = classifier.classify(tests)
    once = all_logits(classifier.network, classifier.preprocess, tests.dense(classifier.preprocess))
    numbers = class_numbers(tests, classifier.classes)
    error = result.calibration_error()
    assert result.accuracy is not None  # the test split has labels
    assert error is not None
    return {
        "accuracy_before": accuracy_before(classifier, recipe, training, tests),
        "accuracy": result.accuracy,
        "accuracy_one_view": float((once.argmax(axis=1) == numbers).mean()),
        "ece": error,
        "train_seconds": seconds,
        "width": float(file.provenance.recipe["options"].get("width", 0)),
        "epochs": float(file.histories["net"]["rows"][-1]["epoch"]),
    }


def accuracy_before(classifier: Classifier, recipe: Recipe, training: ImageSet, tests: ImageSet) -> float:
    """Return the accuracy of the weights that training starts from."""
    torch.manual_seed(recipe.fit.seed)
    options = {key: value for key, value in classifier.network.config.items() if key != "shape"}
    network = create_model(classifier.network.name, classifier.network.shape, **options)
    some = training.take(range(min(len(training), STARTING_IMAGES))).dense(classifier.preprocess)
    network.initialise(Batches(some, classifier.preprocess).take(slice(None)).x, recipe.fit.seed)
    logits = all_logits(network, classifier.preprocess, tests.dense(classifier.preprocess))
    return float((logits.argmax(axis=1) == class_numbers(tests, classifier.classes)).mean())


if __name__ == "__main__":
    main()
