"""The recipe `gan`: does it draw everything, how well, and does it collapse? Needs the named set.

A game on points first: how many of 25 narrow Gaussians does the generator find (course/gaussians.py), with every seed. Then a
GAN learns from the training split, without labels, with each seed, and draws as many images as the test split has. An
independent classifier (judge.py) says what they show; its features give the Frechet distance to the test images (FD, never FID),
beside the floor, which is that of as many real training images, and beside the mixture of Gaussians over the codes of the
recipe `generator`, trained in the same run. A seed has collapsed where a class has less than a tenth of its fair share, or
images differ less than half as much as real ones do (tasks/latent/coverage.py). `--held-out` puts the last 10,000 training
images in place of the test split: settings are chosen so.
"""

import argparse
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from generate import splits
from harness import Bench, print_table
from judge import STEPS, Judge, judge
from sablier.course.gaussians import SIDE, Game, play
from sablier.images.imageset import ImageSet
from sablier.recipes.config import Recipe
from sablier.recipes.make import make_recipe
from sablier.recipes.names import TIERS
from sablier.report.figures import sheet
from sablier.tasks.latent.coverage import coverage
from sablier.tasks.latent.generation_metrics import frechet_distance, memorising, precision_recall
from sablier.workflows.sample import sampler_from
from sablier.workflows.training.train import train

LOOKED_AT = 2000  # images whose nearest training image is looked for
QUICK_POINT_STEPS, QUICK_JUDGE_STEPS = 300, 150


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", default="mnist", help="mnist, fashion-mnist or digits")
    parser.add_argument("--tier", default="base", choices=TIERS)
    parser.add_argument("--seeds", type=int, default=3, help="how many trainings")
    parser.add_argument("--set", action="append", default=[], dest="settings", help="key=value of the recipe; again for more")
    parser.add_argument("--held-out", action="store_true", help="judge by held-out training images")
    parser.add_argument("--pictures", type=Path, help="a folder for a sheet of what each seed draws")


def main() -> None:
    bench = Bench("gan", __doc__ or "", add)
    args = bench.args
    data, tier = ("digits", "tiny") if args.quick else (args.data, args.tier)
    seeds = list(range(1 if args.quick else args.seeds))
    training, tests = splits(data, args.held_out)
    options = [data, *([] if tier == "base" else [tier]), *(["held-out"] if args.held_out else []), *args.settings]
    key = "-".join(options)
    steps = bench.partial(key)
    own = judge(data, training, steps=QUICK_JUDGE_STEPS if args.quick else STEPS)
    drawing = make_recipe("generator", tier)
    folder = bench.workshop(key, drawing, make_recipe("gan", tier, args.settings))
    points = [steps.get(f"points/{seed}", partial(play_on_points, seed, args.quick)) for seed in seeds]
    mixture = steps.get("mixture", partial(mixture_route, folder, training, tests, own, drawing))
    runs = []
    for seed in seeds:
        recipe = partial(make_recipe, "gan", tier, [*args.settings, f"seed={seed}"])
        picture = args.pictures / f"gan-{key}-{seed}.png" if args.pictures else None
        runs.append(steps.get(f"seed/{seed}", partial(measure, folder, training, tests, own, recipe, seed, picture)))
        print(f"seed {seed}: FD {runs[-1]['fd']:.3f}, {runs[-1]['train_seconds']:.0f} s", flush=True)
    print_runs(points, mixture, runs)
    shares = {name: [run["shares"][name] for run in runs] for name in runs[0]["shares"]}
    bench.finish(
        key,
        seeds,
        {
            "data": data,
            "tier": tier,
            "fd": float(np.mean([run["fd"] for run in runs])),
            "fd_worst": max(run["fd"] for run in runs),
            "fd_mixture": mixture["fd"],
            "fd_floor": mixture["fd_floor"],
            "fd_ratio": max(run["fd"] for run in runs) / mixture["fd"],
            "class_shares": {name: float(np.mean(each)) for name, each in shares.items()},
            "share_smallest": min(min(each) for each in shares.values()),
            "share_largest": max(max(each) for each in shares.values()),
            "seeds_collapsed": sum(run["collapsed"] for run in runs),
            "gaussians_found": min(each["found"] for each in points),
            "gaussians_near": float(np.mean([each["near"] for each in points])),
            "train_seconds": max(run["train_seconds"] for run in runs),
            "precision": float(np.mean([run["precision"] for run in runs])),
            "recall": float(np.mean([run["recall"] for run in runs])),
            "copied": max(run["copied"] for run in runs),
            "mixture_seconds": mixture["train_seconds"],
        },
    )
    shutil.rmtree(folder, ignore_errors=True)


def play_on_points(seed: int, quick: bool) -> dict[str, float]:
    """Play on 25 Gaussians and return what was found."""
    game = Game()
    if quick:
        game = replace(game, fit=replace(game.fit, steps=QUICK_POINT_STEPS))
    played = play(game, seed)
    print(f"25 Gaussians, seed {seed}: {played.found} found, {played.near:.1%} of the points near one", flush=True)
    return {"found": played.found, "near": played.near, "seconds": played.seconds}


def mixture_route(folder: Path, training: ImageSet, tests: ImageSet, own: Judge, recipe: Recipe) -> dict[str, float]:
    """Return the Frechet distance of what the recipe `generator` draws from its mixture, and of real training images."""
    file = train(training, folder / "mixture.sablier", recipe, resume=True)
    real, known = (file.preprocess.to_unit(images.array) for images in (tests, training))
    among = known[np.random.default_rng(0).permutation(len(known))[: len(real)]]
    drawn = sampler_from(file).sample(len(real), seed=0, method="mixture").images
    of_real = own.features(real)
    return {
        "fd": frechet_distance(own.features(drawn), of_real),
        "fd_floor": frechet_distance(own.features(among), of_real),
        "train_seconds": sum(history["seconds"] for history in file.histories.values()),
    }


def measure(
    folder: Path, training: ImageSet, tests: ImageSet, own: Judge, recipe: Any, seed: int, picture: Path | None
) -> dict[str, Any]:
    """Train with a seed, draw, and judge."""
    file = train(training, folder / f"seed-{seed}.sablier", recipe(), resume=True)
    real, known = (file.preprocess.to_unit(images.array) for images in (tests, training))
    drawn = sampler_from(file).sample(len(real), seed=seed).images
    if picture:
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(sheet(drawn[:96], columns=12))
    ours, theirs = own.features(drawn), own.features(real)
    precision, recall = precision_recall(ours, theirs)
    return {
        "fd": frechet_distance(ours, theirs),
        "train_seconds": sum(history["seconds"] for history in file.histories.values()),
        "precision": precision,
        "recall": recall,
        "copied": memorising(drawn[:LOOKED_AT], real[:LOOKED_AT], known).copied,
        **coverage(own.classify(drawn), [str(name) for name in own.classes], drawn, real).to_json(),
    }


def print_runs(points: list[dict[str, float]], mixture: dict[str, float], runs: list[dict[str, Any]]) -> None:
    """Print a row a seed, and the share of each class."""
    columns = ("fd", "precision", "recall", "diversity", "copied")
    rows = [
        [f"seed {seed}", *(run[column] for column in columns), f"{each['found']} of {SIDE**2}", f"{run['train_seconds']:.0f}"]
        for seed, (run, each) in enumerate(zip(runs, points, strict=True))
    ]
    rows.append(["mixture", mixture["fd"], "", "", "", "", "", f"{mixture['train_seconds']:.0f}"])
    rows.append(["real training images", mixture["fd_floor"], *[""] * 6])
    print_table(["", "FD", "precision", "recall", "variety", "copied", "Gaussians", "seconds"], rows)
    shares = [[name, *(run["shares"][name] for run in runs)] for name in runs[0]["shares"]]
    print_table(["share of what is drawn", *(f"seed {seed}" for seed in range(len(runs)))], shares)


if __name__ == "__main__":
    main()
