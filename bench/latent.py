"""What the codes of the recipe `representation` are worth, none of whose training sees a label. Needs the named set.

Trains on the training split, d = 32. A linear probe and 5-NN learn from the codes of the training images and are scored on
the test images, beside PCA of as many numbers. The test images are parted into ten clusters by the defaults of `sablier
cluster`, without labels. Codes of each class of the test split are averaged and decoded; a classifier that was trained apart,
on real training images, says which digit each average shows.
"""

import argparse
import time
from functools import partial
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.neural_network import MLPClassifier

from harness import Bench, labels_of, print_table
from sablier.images.datasets import load_dataset
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.recipes.config import Recipe
from sablier.recipes.make import make_recipe
from sablier.recipes.names import TIERS
from sablier.tasks.latent.cluster import cluster_latents
from sablier.tasks.latent.embed import linear_probe, nearest_neighbours
from sablier.tasks.latent.latents import Latents
from sablier.tasks.latent.reconstruct import TASK, decode, encode
from sablier.workflows.training.autoencoder import train_autoencoder
from sablier.workflows.training.network import network_of

NUMBERS = 32
READERS = ("linear_probe", "knn5")
QUICK_IMAGES = 4000  # of each split in a quick run
RUNS = 3  # of the clustering, as in `sablier cluster`
JUDGE_IMAGES = 20_000  # that the independent classifier learns from


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", default="mnist", help="mnist, fashion-mnist, notmnist or digits")
    parser.add_argument("--recipe", default="representation", help="representation, or autoencoder to see what it adds")
    parser.add_argument("--tier", default="base", choices=TIERS)
    parser.add_argument("--seeds", type=int, default=1, help="how many trainings")
    parser.add_argument("--set", action="append", default=[], dest="settings", help="key=value of the recipe")


def main() -> None:
    bench = Bench("latent", __doc__ or "", add)
    args = bench.args
    training, tests = load_dataset(args.data, "train"), load_dataset(args.data, "test")
    if args.quick:
        training, tests = (images.take(np.arange(min(len(images), QUICK_IMAGES))) for images in (training, tests))
    tier, seeds = ("tiny", [0]) if args.quick else (args.tier, list(range(args.seeds)))
    options = [args.recipe] * (args.recipe != "representation") + [args.tier] * (args.tier != "base") + args.settings
    key = "-".join([args.data, *options])
    steps = bench.partial(key)
    recipes = [make_recipe(args.recipe, tier, [f"latent={NUMBERS}", *args.settings, f"seed={seed}"]) for seed in seeds]
    runs = [
        steps.get(str(recipe.fit.seed), partial(measure, training, tests, recipe, 1 if args.quick else RUNS))
        for recipe in recipes
    ]
    pca = steps.get("pca", partial(measure_pca, training, tests))
    means = {name: float(np.mean([run[name] for run in runs])) for name in READERS}
    header = [f"{args.data}, d = {NUMBERS}, {len(tests):,} test images", "PCA", args.recipe]
    print_table(header, [[name, pca[name], value] for name, value in means.items()])
    others = ("cluster_accuracy", "cluster_accuracy_kmeans", "nmi", "class_means_right", "train_seconds", "mse")
    means |= {name: float(np.mean([run[name] for run in runs])) for name in others}
    print_table(["", args.recipe], [[name, means[name]] for name in others])
    payload = {"data": args.data, "recipe": args.recipe, "tier": tier, "settings": args.settings, **means}
    payload |= {"classes": runs[0]["classes"], "clusters_on": runs[0]["clusters_on"], "runs": runs}
    payload |= {f"{name}_pca": pca[name] for name in READERS}
    bench.finish(key, seeds, payload, sum(run["seconds"] for run in runs) + pca["seconds"])


def measure(training: ImageSet, tests: ImageSet, recipe: Recipe, runs: int) -> dict[str, Any]:
    """Train, and ask everything of the codes; cluster them so many times."""
    start, seed = time.perf_counter(), recipe.fit.seed
    file = train_autoencoder(training, recipe)
    trained = time.perf_counter() - start
    network = network_of(file, TASK)
    codes, new = (encode(network, file.preprocess, images) for images in (training, tests))
    found: dict[str, Any] = readers(codes, training, new, tests)
    print(f"seed {seed}: linear probe {found['linear_probe']:.4f}, 5-NN {found['knn5']:.4f} after {trained:.0f} s", flush=True)
    classes = len(np.unique(labels_of(tests)))
    unlabelled = Latents(tests.ids, new, tests.labels)  # `cluster_latents` measures with labels, and parts without
    clusters = cluster_latents(unlabelled, classes, runs=runs, seed=seed)
    plain = cluster_latents(unlabelled, classes, method="kmeans", manifold="none", runs=runs, seed=seed)
    again = decode(network, file.preprocess, new)
    return found | {
        "cluster_accuracy": clusters.accuracy,
        "nmi": clusters.nmi,
        "stability": clusters.stability,
        "clusters_on": clusters.manifold,
        "cluster_accuracy_kmeans": plain.accuracy,
        "class_means_right": class_means_right(file, new, training, tests),
        "classes": classes,
        "mse": float(np.mean((again - file.preprocess.to_unit(tests.array)) ** 2, dtype=np.float64)),
        "train_seconds": trained,
        "seconds": time.perf_counter() - start,
    }


def measure_pca(training: ImageSet, tests: ImageSet) -> dict[str, float]:
    """Return the same readers of the codes of PCA."""
    start = time.perf_counter()
    flat, new = (images.array.reshape(len(images), -1).astype(np.float32) / 255 for images in (training, tests))
    pca = PCA(NUMBERS, svd_solver="randomized", random_state=0).fit(flat)
    return readers(pca.transform(flat), training, pca.transform(new), tests) | {"seconds": time.perf_counter() - start}


def readers(codes: np.ndarray, training: ImageSet, new: np.ndarray, tests: ImageSet) -> dict[str, float]:
    """Return what simple readers, which learn from the codes of the training images, find in those of the tests."""
    return {
        "linear_probe": linear_probe(codes, labels_of(training), new, labels_of(tests)),
        "knn5": nearest_neighbours(codes, labels_of(training), new, labels_of(tests)),
    }


def class_means_right(file: ModelFile, codes: np.ndarray, training: ImageSet, tests: ImageSet) -> int:
    """Return how many classes' averages of codes decode to an image that an independent classifier takes for that class."""
    some = training.take(np.random.default_rng(0).permutation(len(training))[:JUDGE_IMAGES])
    judge = MLPClassifier((128,), early_stopping=True, random_state=0, max_iter=60)
    judge.fit(file.preprocess.to_unit(some.array).reshape(len(some), -1), some.labels)
    names = np.unique(labels_of(tests))
    averages = np.stack([codes[tests.labels == name].mean(axis=0) for name in names])
    drawn = decode(network_of(file, TASK), file.preprocess, averages)
    return int((judge.predict(drawn.reshape(len(drawn), -1)) == names).sum())


if __name__ == "__main__":
    main()
