"""New images: the recipe `generator` and the ways to draw from it, measured against the test split. Needs the named set.

One model learns from the training split without labels. As many images as the test split has are drawn: from the mixture of
Gaussians over its codes, from one Gaussian of the same mean and covariance, and by the flow. Each is compared with the test
images by the Frechet distance in the features of our own classifier (FD, never FID: judge.py), beside that of the model's
reconstructions of these very images, that of its reconstructions of as many training images, which is what perfect codes would
reach, and the floor: as many real training images. Precision, recall, and how near the images come to those of training, beside
new real ones.

Then a model for each class learns from that class alone; a classifier learns from as many samples of these as there are
training images, and never sees a real one; how often it is right about the test images is the classifier accuracy score
(Ravuri and Vinyals 2019). `--held-out` puts the last 10,000 training images in place of the test split: settings are chosen so.
"""

import argparse
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness import Bench, labels_of, print_table
from judge import STEPS, Judge, judge, trained
from sablier.images.datasets import load_dataset
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.recipes.config import Recipe
from sablier.recipes.make import make_recipe
from sablier.recipes.names import TIERS
from sablier.tasks.latent.generation_metrics import frechet_distance, memorising, precision_recall
from sablier.tasks.latent.reconstruct import reconstruct
from sablier.tasks.latent.sample import Sampler
from sablier.workflows.sample import sampler_from
from sablier.workflows.training.autoencoder import train_autoencoder

HELD_OUT = 10_000
LOOKED_AT = 2000  # images whose nearest training image is looked for
QUICK = ["steps=40", "width=8", "flow.steps=20", "flow.width=32"]


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", default="mnist", help="mnist, fashion-mnist or digits")
    parser.add_argument("--tier", default="base", choices=TIERS)
    parser.add_argument("--class-tier", default="small", choices=TIERS, help="of the models of one class each")
    parser.add_argument("--recipe", default="generator", help="generator, variational or autoencoder")
    parser.add_argument("--set", action="append", default=[], dest="settings", help="key=value of the recipe; again for more")
    parser.add_argument("--held-out", action="store_true", help="judge by held-out training images, without class-wise models")


def main() -> None:
    bench = Bench("generate", __doc__ or "", add)
    args = bench.args
    data = "digits" if args.quick else args.data
    training, tests = splits(data, args.held_out)
    settings = [*(QUICK if args.quick else []), *args.settings]
    key = "-".join([data, *([] if args.tier == "base" else [args.tier]), *(["held-out"] if args.held_out else [])])
    key += "".join(f"-{each}" for each in ([args.recipe] if args.recipe != "generator" else []) + args.settings)
    steps = bench.partial(key)
    own = judge(data, training, steps=150 if args.quick else STEPS)
    whole, class_wise = (
        make_recipe(args.recipe, "tiny" if args.quick else tier, settings) for tier in (args.tier, args.class_tier)
    )
    folder = bench.workshop(key, whole, class_wise)
    made = partial(model_of, folder / "all.sablier", training, whole)
    found: dict[str, Any] = steps.get("measured", lambda: measure(made, own, training, tests))
    score = None
    if not args.held_out:
        score = steps.get("classifier", lambda: accuracy_score(folder, training, tests, class_wise, 150 if args.quick else STEPS))
    print_measured(found, score)
    payload = {"data": data, "tier": "tiny" if args.quick else args.tier, "judge_accuracy": own_accuracy(own, tests), **found}
    bench.finish(key, [0], payload | {"classifier_accuracy_score": score})
    shutil.rmtree(folder, ignore_errors=True)


def splits(data: str, held_out: bool) -> tuple[ImageSet, ImageSet]:
    """Return the images to learn from and those to judge by."""
    training = load_dataset(data, "train")
    if not held_out:
        return training, load_dataset(data, "test")
    return training.take(np.arange(len(training) - HELD_OUT)), training.take(np.arange(len(training) - HELD_OUT, len(training)))


def model_of(path: Path, images: ImageSet, recipe: Recipe) -> tuple[ModelFile, float]:
    """Return the model of some images and the seconds it took, from an earlier run where that left it."""
    if path.exists():
        file = ModelFile.load(path)
        return file, sum(history["seconds"] for history in file.histories.values())
    start = time.perf_counter()
    file = train_autoencoder(images, recipe)
    seconds = time.perf_counter() - start
    file.save(path)
    return file, seconds


def measure(made: Callable[[], tuple[ModelFile, float]], own: Judge, training: ImageSet, tests: ImageSet) -> dict[str, Any]:
    """Return every figure of the one model of all images."""
    file, seconds = made()
    sampler, rule = sampler_from(file), file.preprocess
    real, known = rule.to_unit(tests.array), rule.to_unit(training.array)
    random = np.random.default_rng(0)
    among = known[random.permutation(len(known))[: len(real)]]
    again = reconstruct(sampler.network, rule, tests)
    of_real = own.features(real)
    redrawn = reconstruct(sampler.network, rule, training.take(random.permutation(len(known))[: len(real)]))
    found: dict[str, Any] = {
        "train_seconds": seconds,
        "mse": float(np.mean((again - real) ** 2)),
        "components": 0 if sampler.mixture is None else sampler.mixture.components,
        "fd_floor": frechet_distance(own.features(among), of_real),
        "fd_reconstruction": frechet_distance(own.features(again), of_real),
        "fd_redrawn_training": frechet_distance(own.features(redrawn), of_real),
    }
    for method in sampler.methods:
        start = time.perf_counter()
        images = sampler.sample(len(tests), seed=0, method=method).images
        found[f"sample_seconds_{method}"] = time.perf_counter() - start
        features = own.features(images)
        found[f"fd_{method}"] = frechet_distance(features, of_real)
        found[f"precision_{method}"], found[f"recall_{method}"] = precision_recall(features, of_real)
        shares = np.unique(own.classify(images), return_counts=True)[1] / len(images)
        found[f"least_share_{method}"] = float(shares.min()) if len(shares) == len(own.classes) else 0.0
        near = memorising(images[:LOOKED_AT], real[:LOOKED_AT], known)
        found |= {f"nearest_{name}_{method}": value for name, value in near.to_json().items()}
    found["precision_floor"], found["recall_floor"] = precision_recall(own.features(among), of_real)
    if "fd_gaussian" in found:
        found["ratio_to_gaussian"] = found["fd_mixture"] / found["fd_gaussian"]
        found["ratio_to_reconstruction"] = found["fd_mixture"] / found["fd_reconstruction"]
    return found


def accuracy_score(folder: Path, training: ImageSet, tests: ImageSet, recipe: Recipe, steps: int) -> float:
    """Return how often a classifier that learnt from samples alone is right about test images."""
    drawn, names = [], []
    for label in np.unique(labels_of(training)):
        own = training.where(label=label)
        file, seconds = model_of(folder / f"class-{label}.sablier", own, recipe)
        sampler: Sampler = sampler_from(file)
        drawn.append(sampler.sample(len(own), seed=1).images)
        names += [label] * len(own)
        print(f"class {label}: {seconds:.0f} s", flush=True)
    unit = tests.array / np.float32(255)
    return float((trained(np.concatenate(drawn), np.array(names), 0, steps).classify(unit) == tests.labels).mean())


def own_accuracy(own: Judge, tests: ImageSet) -> float:
    return float((own.classify(tests.array / np.float32(255)) == tests.labels).mean())


def print_measured(found: dict[str, Any], score: float | None) -> None:
    """Print a row a way to draw."""
    methods = [name.removeprefix("recall_") for name in found if name.startswith("recall_") and name != "recall_floor"]
    columns = ("fd", "precision", "recall", "least_share", "nearest_generated", "nearest_copied")
    rows = [[name, *(found[f"{column}_{name}"] for column in columns)] for name in methods]
    rows += [
        ["reconstructions of the tests", found["fd_reconstruction"], "", "", "", "", ""],
        ["reconstructions of others", found["fd_redrawn_training"], "", "", "", "", ""],
        ["real training images", found["fd_floor"], found["precision_floor"], found["recall_floor"], "", "", ""],
    ]
    header = ["drawn by", "FD", "precision", "recall", "least share of a class", "nearest training image", "copies"]
    print_table(header, rows)
    print(f"{found['components']} Gaussians; reconstruction error {found['mse']:.5f}; {found['train_seconds']:.0f} s of training")
    if score is not None:
        print(f"a classifier that saw samples alone is right about {score:.2%} of the tests")


if __name__ == "__main__":
    main()
