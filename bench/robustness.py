"""Our attacks against AutoAttack and foolbox, on the same classifiers and the same 500 test images. Needs the named sets.

A standard classifier of each set, and on MNIST a robust one, learn from the training split. Each is attacked by our Auto-PGD of
the cross-entropy and by `standard`, the sequence that stops where an image is beaten; AutoAttack 0.2.0 (its `standard` version)
and PGD of foolbox 3.3.4 attack it in an environment of their own that is made once (attack_peers.py). `accuracy` is the share of
images told right as they are and attacked, in floats as AutoAttack has them; `accuracy_saved` is that of an attack on the 8-bit
images that a file would hold, whose ball is cut down to whole bytes. Of these images are the mean structural similarity to the
originals and the largest change. Seconds are those of the attack in floats alone. Natural corruptions
of the whole test split are timed as well.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from environment import Environment
from harness import Bench, Partial, print_table
from sablier.images.datasets import load_dataset
from sablier.metrics import ssim
from sablier.modelfile import ModelFile
from sablier.recipes.config import Recipe
from sablier.recipes.make import make_recipe
from sablier.recipes.names import TIERS
from sablier.tasks.classification.attack import as_tensor
from sablier.tasks.classification.classify import Classifier
from sablier.transforms.attacks import in_whole_steps, of_saved, saved
from sablier.transforms.natural import KINDS, corrupt
from sablier.workflows.attack import drawn_evenly, make_attack
from sablier.workflows.training.classifier import class_numbers
from sablier.workflows.training.train import train

AUTOATTACK, FOOLBOX = "0.2.0", "3.3.4"
SHARED = ("torch", "numpy", "scipy", "pillow", "pydantic", "safetensors")  # what loading our classifier takes, as it is here
IMAGES, QUICK_IMAGES = 500, 40
ATTACKS = ("apgd", "standard")
STANDARD, ROBUST = "classifier", "classifier-robust"
EPS = {"mnist": 0.3, "cifar10": 8 / 255, "digits": 0.3}
NETS = {"mnist": (STANDARD, ROBUST), "cifar10": (STANDARD,), "digits": (STANDARD,)}

Found = dict[str, Any]


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", default="mnist,cifar10", help="sets: mnist, cifar10, digits")
    parser.add_argument("--tier", default="base", choices=TIERS)
    parser.add_argument("--seed", type=int, default=0, help="of training and of attacks")


def main() -> None:
    bench = Bench("robustness", __doc__ or "", add)
    args = bench.args
    sets, tier = (["digits"], "tiny") if args.quick else (args.data.split(","), args.tier)
    key = "-".join([*sets, *([] if tier == "base" else [tier]), *([f"seed-{args.seed}"] if args.seed else [])])
    recipes = {(data, name): make_recipe(name, tier, [f"seed={args.seed}"]) for data in sets for name in NETS[data]}
    folder, steps = bench.workshop(key, list(recipes.values())), bench.partial(key)
    peers = peers_environment(args.quick)
    corrupted = {data: steps.get(f"{data}/corruptions", partial(corruption_seconds, data)) for data in sets}
    rows = []
    for (data, net), recipe in recipes.items():
        path = folder / f"{data}-{net}.sablier"
        rows += rows_of(steps, path, data, net, recipe, peers, QUICK_IMAGES if args.quick else IMAGES)
    print_rows(rows)
    bench.finish(key, [args.seed], {"tier": tier, **figures(rows), "corruption_seconds": corrupted, "rows": rows})
    shutil.rmtree(folder, ignore_errors=True)


def peers_environment(quick: bool) -> Environment | None:
    """Return the environment of the peers, made if need be; none in a quick run that would have to install it."""
    shared = (f"{name}=={version(name).partition('+')[0]}" for name in SHARED)
    environment = Environment("pyautoattack", AUTOATTACK, f"foolbox=={FOOLBOX}", *shared)
    if quick and not environment.ready:
        print("no peers: they have no environment yet, and a quick run makes none")
        return None
    environment.make()
    return environment


def rows_of(
    steps: Partial, path: Path, data: str, net: str, recipe: Recipe, peers: Environment | None, count: int
) -> list[Found]:
    """Train a classifier and return a row for each of our attacks, with what the peers reach."""
    print(f"{data}, {net} ...", flush=True)
    seed = recipe.fit.seed
    trained = steps.get(f"{data}/{net}/trained", partial(train_seconds, path, data, recipe))
    if not path.exists():  # of a run whose folder is gone: the same bits again
        train_seconds(path, data, recipe)
    classifier = Classifier.from_file(ModelFile.load(path))
    images = drawn_evenly(load_dataset(data, "test"), count).dense(classifier.preprocess)
    x, labels = as_tensor(images.array), torch.from_numpy(class_numbers(images, classifier.classes))
    found = [
        steps.get(f"{data}/{net}/{name}", partial(attacked, classifier, x, labels, name, EPS[data], seed)) for name in ATTACKS
    ]
    theirs = steps.get(f"{data}/{net}/peers", partial(run_peers, peers, path, x, labels, EPS[data], seed)) if peers else {}
    start = {"data": data, "net": net, "eps": EPS[data], "images": len(x), "train_seconds": trained}
    return [{**start, "attack": name, **ours, **theirs} for name, ours in zip(ATTACKS, found, strict=True)]


def corruption_seconds(data: str) -> float:
    """Return the seconds that every kind of corruption takes together, on the whole test split, at severity 3."""
    images = load_dataset(data, "test").array
    start = time.perf_counter()
    for kind in KINDS:
        corrupt(images, kind, 3)
    found = time.perf_counter() - start
    print(f"{len(images):,} images of {data} under {len(KINDS)} kinds of corruption: {found:.1f} s", flush=True)
    return found


def train_seconds(path: Path, data: str, recipe: Recipe) -> float:
    """Train on the training split, go on where an earlier run was stopped, and return the seconds of training."""
    file = train(load_dataset(data, "train"), path, recipe, resume=True)
    return float(sum(history["seconds"] for history in file.histories.values()))


@torch.no_grad()
def attacked(classifier: Classifier, x: Tensor, labels: Tensor, name: str, eps: float, seed: int) -> Found:
    """Attack all images at once, as AutoAttack does: floats, timed; then the 8-bit images that a file would hold."""
    classifier.network.eval()
    answer, attack = classifier.answer, make_attack(name, eps=eps, seed=seed)
    start = time.perf_counter()
    moved = attack(answer, x, labels)
    seconds = time.perf_counter() - start
    inner = in_whole_steps(attack)
    kept = saved(inner(of_saved(answer), x, labels), x, inner)
    right = answer(x).argmax(dim=1) == labels
    stands, stands_saved = (right & (answer(each).argmax(dim=1) == labels) for each in (moved, kept))
    before, after = (each.permute(0, 2, 3, 1).numpy() for each in (x, kept))
    return {
        "accuracy": float(stands.float().mean()),
        "accuracy_before": float(right.float().mean()),
        "accuracy_saved": float(stands_saved.float().mean()),
        "seconds": seconds,
        "similarity": float(ssim(before, after).mean()),
        "largest_change": float((kept - x).abs().max()),
    }


def run_peers(environment: Environment, path: Path, x: Tensor, labels: Tensor, eps: float, seed: int) -> Found:
    """Return what AutoAttack and foolbox reach in their environment."""
    job = {"eps": eps, "seed": seed, "threads": torch.get_num_threads()}
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images.npz"
        np.savez(images, images=x.contiguous().numpy(), labels=labels.numpy())
        here = Path(__file__).resolve().parent
        command = [str(environment.python), str(here / "attack_peers.py"), str(path), str(images), json.dumps(job)]
        # foolbox looks for git, which it does not need here.
        variables = os.environ | {"PYTHONPATH": str(here.parent / "src"), "GIT_PYTHON_REFRESH": "quiet"}
        done = subprocess.run(command, env=variables, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(
            f"the peers failed:\n{done.stderr[-2000:]}\nIf their environment is broken, remove {environment.folder}."
        )
    found: Found = json.loads(done.stdout.splitlines()[-1])
    return found


def print_rows(rows: list[Found]) -> None:
    """Print a row for each net and attack."""
    columns = {
        "accuracy_before": "before", "accuracy": "ours", "accuracy_saved": "saved", "autoattack_accuracy": "AutoAttack",
        "foolbox_pgd_accuracy": "foolbox PGD", "similarity": "SSIM", "largest_change": "largest change",
    }  # fmt: skip
    times = {"seconds": "seconds", "autoattack_seconds": "AutoAttack", "foolbox_pgd_seconds": "foolbox"}
    table = [
        [
            f"{row['data']}, {row['net']}, eps {row['eps']:.3g}, {row['attack']}",
            *(row.get(key, "") for key in columns),
            *(f"{row[key]:.1f}" if key in row else "" for key in times),
        ]
        for row in rows
    ]
    print_table(["accuracy under attack", *columns.values(), *times.values()], table)


def figures(rows: list[Found]) -> Found:
    """Return what the bars are about; a figure that was not measured is left out."""
    found: Found = {}
    for row in rows:
        if row["net"] == STANDARD and row["attack"] == "apgd":
            found[f"apgd_accuracy_{row['data']}"] = row["accuracy_saved"]
            found[f"similarity_{row['data']}"] = row["similarity"]
            found[f"largest_change_{row['data']}"] = row["largest_change"]
    against = [row for row in rows if row["attack"] == "standard" and "autoattack_accuracy" in row]
    if against:
        found["above_autoattack"] = max(row["accuracy"] - row["autoattack_accuracy"] for row in against)
        found["times_faster"] = min(row["autoattack_seconds"] / row["seconds"] for row in against)
    for row in against:
        if row["net"] == ROBUST:
            found |= {"robust_autoattack_accuracy": row["autoattack_accuracy"], "robust_train_seconds": row["train_seconds"]}
    return found


if __name__ == "__main__":
    main()
