"""How closely images are drawn again from d numbers: the recipe `autoencoder` beside PCA with the same d. Needs the named set.

Trains on the training split and reports the mean squared error on the test split, at the last epoch. PCA is scikit-learn's, of
the same training images; its pixels are not clipped to [0, 1], as in the literature, ours are.
"""

import argparse
import time
from functools import partial

import numpy as np
from sklearn.decomposition import PCA

from harness import Bench, print_table
from sablier.images.datasets import load_dataset
from sablier.images.imageset import ImageSet
from sablier.recipes.make import make_recipe
from sablier.recipes.names import TIERS
from sablier.tasks.latent.reconstruct import TASK, reconstruct
from sablier.workflows.training.autoencoder import train_autoencoder
from sablier.workflows.training.network import network_of


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", default="mnist", help="mnist, fashion-mnist, notmnist, cifar10 or digits")
    parser.add_argument("--latents", default="2,16,32,64,128", help="comma-separated sizes of the latent")
    parser.add_argument("--tier", default="base", choices=TIERS)


def main() -> None:
    bench = Bench("reconstruct", __doc__ or "", add)
    args = bench.args
    tier = "tiny" if args.quick else args.tier
    training, tests = load_dataset(args.data, "train"), load_dataset(args.data, "test")
    if args.quick:
        training = training.take(np.arange(min(len(training), 6000)))
    key = args.data if args.tier == "base" else f"{args.data}-{args.tier}"
    steps = bench.partial(key)
    sizes = [int(size) for size in args.latents.split(",")][: 2 if args.quick else None]
    measured = {size: steps.get(str(size), partial(measure, training, tests, size, tier)) for size in sizes}
    header = [f"{args.data}, test images", "numbers", "PCA", "sablier", "times smaller", "seconds of training"]
    rows = [
        ["", size, each["mse_pca"], each["mse"], f"{each['mse_pca'] / each['mse']:.1f}", f"{each['train_seconds']:.0f}"]
        for size, each in measured.items()
    ]
    print_table(header, rows)
    payload = {"data": args.data, "tier": tier}
    for name in ("mse", "mse_pca", "train_seconds"):
        payload[name] = {str(size): each[name] for size, each in measured.items()}
    bench.finish(key, [0], payload, sum(each["train_seconds"] for each in measured.values()))


def measure(training: ImageSet, tests: ImageSet, size: int, tier: str) -> dict[str, float]:
    start = time.perf_counter()
    file = train_autoencoder(training, make_recipe("autoencoder", tier, [f"latent={size}"]))
    seconds = time.perf_counter() - start
    again = reconstruct(network_of(file, TASK), file.preprocess, tests)
    pixels = file.preprocess.to_unit(tests.array)
    known = file.preprocess.to_unit(training.array).reshape(len(training), -1)
    pca = PCA(size, svd_solver="randomized", random_state=0).fit(known)
    flat = pixels.reshape(len(tests), -1)
    linear = pca.inverse_transform(pca.transform(flat))
    print(f"d = {size}: {np.mean((again - pixels) ** 2):.5f} in {seconds:.0f} s", flush=True)
    return {
        "mse": float(np.mean((again - pixels) ** 2, dtype=np.float64)),
        "mse_pca": float(np.mean((linear - flat) ** 2, dtype=np.float64)),
        "train_seconds": seconds,
    }


if __name__ == "__main__":
    main()
