"""What generated images add to a few labelled ones, beyond turning and shifting them. Needs the named set.

Two models learn from all training images **without any label**: `generator`, which draws, and `representation`, whose codes say
what an image shows. They are the same for every run. Then, for each seed, some training images are drawn, as many of each class,
and only their labels are used:

- *usual*: a classifier learns from the labelled images, turned, shifted and scaled a little each time one is seen;
- *generated*: the same net, steps and movements; half of each batch are labelled images, half generated ones.

A generated image is a variation (`sablier sample --like`) of a training image without a label, so that all that the unlabelled
images show is among them. Its label is guessed twice: by the image it is a variation of, whose label is guessed by label
spreading (Zhou et al. 2004) from the labelled images over the nearest codes; and by what the classifier *usual* sees in the
variation. It is kept where both guesses agree and both are sure.

So what helps are the unlabelled images as much as the drawing. *unlabelled* shows how much: the same with the training images
themselves in place of variations of them. The gain is in points of accuracy on the test split, paired by seed, with the 95 %
interval of Student's t. `--held-out` puts the last 10,000 training images in place of the test split: settings are chosen so.
"""

import argparse
import shutil
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import t as student

from generate import model_of, splits
from harness import Bench, labels_of, print_table
from judge import Judge, trained
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.recipes.config import Recipe
from sablier.recipes.make import make_recipe
from sablier.recipes.names import TIERS
from sablier.tasks.latent.reconstruct import TASK, encode
from sablier.typing import Array
from sablier.workflows.sample import sampler_from
from sablier.workflows.training.network import network_of

SEEDS = 5
STEPS = 500  # of each classifier, batches of 128
STRENGTH = 0.4  # of the variations
DRAWN = 15_000  # generated images, before those without a sure label are left out
NEIGHBOURS = 10
SURE = 0.7  # of both guesses, as a share
LOOKS = 8  # movements of an image over which the classifier's guess is averaged


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", default="mnist", help="mnist, fashion-mnist or digits")
    parser.add_argument("--labels", default="100,500,1000", help="comma-separated numbers of labelled images")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--tier", default="base", choices=TIERS, help="of the two models")
    parser.add_argument("--steps", type=int, default=STEPS, help="of each classifier")
    parser.add_argument("--held-out", action="store_true", help="judge by held-out training images")


def main() -> None:
    bench = Bench("augment", __doc__ or "", add)
    args = bench.args
    data, tier, steps = ("digits", "tiny", 60) if args.quick else (args.data, args.tier, args.steps)
    counts = [50] if args.quick else [int(count) for count in args.labels.split(",")]
    seeds = list(range(2 if args.quick else args.seeds))
    training, tests = splits(data, args.held_out)
    key = "-".join([data, *([] if tier in ("base", "tiny") else [tier]), *(["held-out"] if args.held_out else [])])
    kept = bench.partial(key)
    recipes = [make_recipe(name, tier, ["steps=60", "width=8"] if args.quick else []) for name in ("generator", "representation")]
    folder = bench.workshop(key, *recipes)
    pool = Pool.of(folder, training, *recipes)
    found: dict[str, list[dict[str, float]]] = {}
    for count in counts:
        found[str(count)] = []
        for seed in seeds:
            run = kept.get(f"{count}/{seed}", partial(measure, pool, training, tests, count, seed, steps))
            found[str(count)].append(run)
            print(f"{count} labels, seed {seed}: " + ", ".join(f"{name} {value:.4f}" for name, value in run.items()), flush=True)
    gains = {name: {count: gain(runs, name) for count, runs in found.items()} for name in ("generated", "unlabelled")}
    header = ["labelled images", "usual", "generated", "unlabelled", "gain in points", "95 % interval", "right labels"]
    rows = []
    for labels, runs in found.items():
        points, interval = gains["generated"][labels]
        means = [float(np.mean([run[name] for run in runs])) for name in ("usual", "generated", "unlabelled")]
        right = float(np.mean([run["right_labels"] for run in runs]))
        rows.append([labels, *means, f"{points:+.2f}", f"{interval[0]:+.2f} to {interval[1]:+.2f}", right])
    print_table(header, rows)
    payload = {"data": data, "tier": tier, "labels": counts}
    for name in ("usual", "generated", "unlabelled", "right_labels", "kept"):
        payload[name] = {count: float(np.mean([run[name] for run in runs])) for count, runs in found.items()}
    payload["gain_points"] = {count: points for count, (points, _) in gains["generated"].items()}
    payload["interval"] = {count: interval for count, (_, interval) in gains["generated"].items()}
    payload["gain_points_unlabelled"] = {count: points for count, (points, _) in gains["unlabelled"].items()}
    bench.finish(key, seeds, payload)
    shutil.rmtree(folder, ignore_errors=True)


class Pool:
    """What is known without labels: images, variations of them, and codes of both.

    Args:
        images: N,H,W,C in [0, 1]: training images drawn evenly; `variations`: one of each.
        codes: N,D of the images, by the model `representation`.
        encoder, preprocess: the model, to encode labelled images with.
    """

    def __init__(self, images: Array, variations: Array, codes: Array, encoder: Model, rule: Preprocess):
        self.images, self.variations, self.codes, self.encoder, self.preprocess = images, variations, codes, encoder, rule

    @classmethod
    def of(cls, folder: Path, training: ImageSet, drawing: Recipe, coding: Recipe) -> "Pool":
        """Train both models on images without labels, or find them where an earlier run has left them."""
        bare = ImageSet(training.array, ids=training.ids, source=training.source)
        generator, _ = model_of(folder / "generator.sablier", bare, drawing)
        representation, _ = model_of(folder / "representation.sablier", bare, coding)
        rule, encoder = representation.preprocess, network_of(representation, TASK)
        some = bare.take(np.linspace(0, len(bare) - 1, min(DRAWN, len(bare))).astype(int))
        drawn = sampler_from(generator).variations(some, len(some), STRENGTH, seed=0).images
        return cls(rule.to_unit(some.array), drawn, encode(encoder, rule, some), encoder, rule)


def measure(pool: Pool, training: ImageSet, tests: ImageSet, count: int, seed: int, steps: int) -> dict[str, float]:
    """Return the accuracy of each way, and how many of the kept labels are right."""
    labelled = drawn_evenly(training, count, seed)
    unit, names = pool.preprocess.to_unit(labelled.array), labels_of(labelled)
    test_unit = pool.preprocess.to_unit(tests.array)
    usual = trained(unit, names, seed, steps)
    codes = encode(pool.encoder, pool.preprocess, ImageSet(labelled.array))
    found = {"usual": accuracy(usual, test_unit, labels_of(tests))}
    truth = labels_of(training)[np.linspace(0, len(training) - 1, len(pool.images)).astype(int)]
    for name, images in {"generated": pool.variations, "unlabelled": pool.images}.items():
        guesses, sure = guessed(codes, names, pool.codes, images, usual)
        both, labels = np.concatenate([unit, images[sure]]), np.concatenate([names, guesses[sure]])
        # Half and half, and of the second half as many of each class: sure guesses are not as many of each.
        kept, numbers, sizes = np.unique(guesses[sure], return_inverse=True, return_counts=True)
        halves = np.r_[np.full(len(unit), 1 / len(unit)), 1 / (len(kept) * sizes[numbers])]
        found[name] = accuracy(trained(both, labels, seed, steps, halves), test_unit, labels_of(tests))
        if name == "generated":
            # For the record alone: a variation is taken to show what the image it is made from does.
            right = float((guesses[sure] == truth[sure]).mean()) if sure.any() else 0.0
            found |= {"right_labels": right, "kept": float(sure.mean())}
    return found


def drawn_evenly(training: ImageSet, count: int, seed: int) -> ImageSet:
    """Return `count` images, as many of each class."""
    random = np.random.default_rng(seed)
    classes = np.unique(labels_of(training))
    each = [random.choice(np.flatnonzero(training.labels == label), count // len(classes), replace=False) for label in classes]
    return training.take(np.concatenate(each))


def guessed(codes: Array, names: Array, theirs: Array, images: Array, usual: Judge) -> tuple[Array, Array]:
    """Return the guessed label of each image, by where its code lies and by what it looks like, and whether both are sure."""
    import torch
    from sklearn.semi_supervised import LabelSpreading

    from judge import SCALE, SHIFT, TURN
    from sablier.transforms.affine import moved

    classes, numbers = np.unique(names, return_inverse=True)
    every = np.concatenate([codes, theirs])
    every = (every - every.mean(axis=0)) / np.maximum(every.std(axis=0), 1e-6)
    known = np.r_[numbers, np.full(len(theirs), -1)]
    spread = LabelSpreading(kernel="knn", n_neighbors=NEIGHBOURS, alpha=0.9, max_iter=300, tol=1e-2).fit(every, known)
    by_codes = np.nan_to_num(spread.label_distributions_[len(codes) :])
    x = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    by_net = np.zeros((len(images), len(classes)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for _ in range(LOOKS):
            copies = moved(x, turn=TURN, shift=SHIFT, scale=SCALE)
            by_net += usual.probabilities(copies.permute(0, 2, 3, 1).numpy()) / LOOKS
    guesses = by_net.argmax(axis=1)
    agreed = guesses == by_codes.argmax(axis=1)
    return classes[guesses], agreed & (by_codes.max(axis=1) > SURE) & (by_net.max(axis=1) > SURE)


def accuracy(classifier: Judge, images: Array, labels: Array) -> float:
    return float((classifier.classify(images) == labels).mean())


def gain(runs: list[dict[str, float]], name: str) -> tuple[float, list[float]]:
    """Return the mean gain over the usual way in points, and its 95 % interval."""
    points = 100 * np.array([run[name] - run["usual"] for run in runs])
    reach = float(student.ppf(0.975, len(points) - 1) * points.std(ddof=1) / np.sqrt(len(points))) if len(points) > 1 else np.inf
    return float(points.mean()), [float(points.mean() - reach), float(points.mean() + reach)]


if __name__ == "__main__":
    main()
