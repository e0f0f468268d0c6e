"""bench/train_speed.py --net course_conv: lesson 2 on notMNIST by Keras and TensorFlow, by a plain PyTorch loop, and by sablier.

Each trains on the training letters and is judged by the mean squared error on the test letters after its last epoch; nothing is
validated while it is timed. Images per second are those of the median epoch at the lesson's batch; in a quick run that is the
first, in which Keras also traces its graph.
"""

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import lesson_conv
from environment import Environment
from harness import Bench, print_table
from sablier.images.datasets import load_dataset
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.recipes.make import make_recipe
from sablier.tasks.latent.reconstruct import reconstruct
from sablier.training.config import FitConfig, Plan
from sablier.workflows.training.network import train_model

TENSORFLOW = "2.21.0"
EPOCHS, BATCH = 50, 128  # of the lesson
RATE_EPOCHS = 3  # where only images per second are wanted
SEEDS = 3
SIDE = 2048  # of the matrices whose product measures the peak
FLOPS = 6  # of training per multiply-add of the forward pass: two, and twice as many again backward


Found = dict[str, Any]


def course_conv(bench: Bench) -> None:
    """Take every step that no earlier run has taken, print the table, and finish the bench."""
    training, tests = load_dataset("notmnist", "train"), load_dataset("notmnist", "test")
    size = Size(EPOCHS, RATE_EPOCHS, list(range(SEEDS)))
    if bench.args.quick:
        training, tests, size = training.take(np.arange(1000)), tests.take(np.arange(1000)), Size(1, 1, [0])
    fit = make_recipe("course-conv").fit
    if (fit.optimizer, fit.schedule, fit.ema) != ("adamw", "one-cycle", 0.0):
        raise SystemExit("the peers know one-cycle AdamW without averaged weights: bring them in line with the recipe first.")
    found = measure(bench, training, tests, size, fit)
    effective = found["rate"]["images_per_second"] * FLOPS * lesson_conv.multiply_adds() / 1e9
    print(f"{len(training):,} letters train, {len(tests):,} test")
    print_rows(found, size, fit.plan(len(training), 28 * 28))
    print(f"sablier at {effective:.0f} effective GFLOP/s; a {SIDE} x {SIDE} product at {found['rate']['peak_gflops']:.0f}")
    bench.finish("course_conv", size.seeds, {"net": bench.args.net, "data": "notmnist", **figures(found, effective)})


@dataclass(frozen=True)
class Size:
    """How much is measured: epochs of the lesson, epochs where only images per second are wanted, and our seeds."""

    epochs: int
    rate_epochs: int
    seeds: list[int]


def measure(bench: Bench, training: ImageSet, tests: ImageSet, size: Size, fit: FitConfig) -> dict[str, Found]:
    """Train everything, one after the other; without Keras in a quick run that would have to install it."""
    steps, arrays, keras = bench.partial("course_conv"), (training.array, tests.array), Environment("tensorflow", TENSORFLOW)
    plan = fit.plan(len(training), 28 * 28)

    def step(name: str, compute: Callable[..., Found], *arguments: Any) -> Found:
        print(f"{name} ...", flush=True)
        found: Found = steps.get(name, lambda: compute(*arguments))
        return found

    found: dict[str, Found] = {"keras": {}, "keras_ours": {}}
    if bench.args.quick and not keras.ready:
        print("no Keras: it has no environment yet, and a quick run makes none")
    else:
        keras.make()
        found["keras"] = step("Keras as the lesson", run_keras, keras, *arrays, size.epochs, BATCH, None)
        found["keras_ours"] = step("Keras, our schedule", run_keras, keras, *arrays, plan.epochs, plan.batch_size, fit)
    found["torch"] = step("PyTorch loop as the lesson", lesson_conv.run, *arrays, size.rate_epochs, BATCH, None)
    found["torch_ours"] = step("PyTorch loop, our schedule", lesson_conv.run, *arrays, plan.epochs, plan.batch_size, fit)
    runs = [step(f"sablier, seed {seed}", run_ours, training, tests, seed) for seed in size.seeds]
    found["ours"] = {key: statistics.median(run[key] for run in runs) for key in COLUMNS}
    found["ours"]["dtype"] = statistics.mode(run["dtype"] for run in runs)
    found["rate"] = step("sablier, the lesson's batch", our_rate, training, size.rate_epochs, found["ours"]["dtype"])
    return found


# What a step found -> its heading and decimals in the table.
COLUMNS = {"seconds": ("seconds", 1), "mse": ("test MSE", 5), "images_per_second": ("images/s", 0)}


def print_rows(found: dict[str, Found], size: Size, plan: Plan) -> None:
    """Print the table; what was trained for its rate only has no quality to show."""

    def row(name: str, key: str, epochs: int, batch: int, shown: Container[str] = COLUMNS) -> list[Any]:
        cells = [f"{found[key][c]:.{digits}f}" if c in shown and c in found[key] else "" for c, (_, digits) in COLUMNS.items()]
        return [name, epochs, batch, *cells, found["ours"]["dtype"] if key in ("ours", "rate") else "float32"]

    rate = ("images_per_second",)
    print_table(
        ["", "epochs", "batch", *(heading for heading, _ in COLUMNS.values()), "arithmetic"],
        [
            row(f"Keras, TensorFlow {TENSORFLOW}, as the lesson", "keras", size.epochs, BATCH),
            row("the same, our schedule", "keras_ours", plan.epochs, plan.batch_size),
            row("plain PyTorch loop as the lesson, for its rate only", "torch", size.rate_epochs, BATCH, rate),
            row("the same, our schedule, whole", "torch_ours", plan.epochs, plan.batch_size),
            row(f"sablier, median of {len(size.seeds)}", "ours", plan.epochs, plan.batch_size),
            row("the same at the lesson's batch, for its rate only", "rate", size.rate_epochs, BATCH, rate),
        ],
    )


def figures(found: dict[str, Found], effective: float) -> Found:
    """Return the figures of the result file; None for those of Keras where it did not run."""
    keras, ours, rate = found["keras"], found["ours"], found["rate"]
    return {
        # Sooner at worse quality is no speedup.
        "speedup_to_quality": keras["seconds"] / ours["seconds"] if keras and ours["mse"] <= keras["mse"] else None,
        "keras_seconds": keras.get("seconds"),
        "keras_mse": keras.get("mse"),
        "our_seconds": ours["seconds"],
        "our_mse": ours["mse"],
        "images_per_second_ratio": rate["images_per_second"] / keras["images_per_second"] if keras else None,
        "fraction_of_peak": effective / rate["peak_gflops"],
        "keras_our_schedule_seconds": found["keras_ours"].get("seconds"),
        "keras_our_schedule_mse": found["keras_ours"].get("mse"),
        "torch_our_schedule_seconds": found["torch_ours"]["seconds"],
        "torch_our_schedule_mse": found["torch_ours"]["mse"],
        "keras_images_per_second": keras.get("images_per_second"),
        "torch_images_per_second": found["torch"]["images_per_second"],
        "our_images_per_second": rate["images_per_second"],
        "peak_gflops": rate["peak_gflops"],
        "dtype": ours["dtype"],
    }


def run_keras(
    keras: Environment, training: np.ndarray, tests: np.ndarray, epochs: int, batch_size: int, ours: FitConfig | None
) -> Found:
    """Train in the environment of Keras: as the lesson does, or with the optimizer and the schedule of `ours`."""
    names = ("learning_rate", "weight_decay", "warmup", "gradient_clip")
    one_cycle = {name: getattr(ours, name) for name in names} if ours else None
    job = {"epochs": epochs, "batch_size": batch_size, "seed": 0, "one_cycle": one_cycle}
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images.npz"
        np.savez(images, training=training, tests=tests)
        command = [str(keras.python), str(Path(__file__).with_name("keras_letters.py")), str(images), json.dumps(job)]
        variables = os.environ | {"KERAS_BACKEND": "tensorflow"}
        done = subprocess.run(command, env=variables, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{done.stderr}\nKeras could not train: see above. If its environment is broken, remove {keras.folder}.")
    found: Found = json.loads(done.stdout.splitlines()[-1])
    return found


def run_ours(training: ImageSet, tests: ImageSet, seed: int) -> Found:
    """Train by the recipe; the seconds are those of everything from images in memory to the trained network."""
    start = time.perf_counter()
    recipe = make_recipe("course-conv", settings=[f"seed={seed}"])
    preprocess = Preprocess.for_images(training, recipe.size)
    model, history = train_model(training.dense(preprocess), preprocess, recipe)
    seconds = time.perf_counter() - start
    again = reconstruct(model, preprocess, tests.dense(preprocess))
    return {
        "seconds": seconds,
        "mse": float(np.mean((again - tests.array / 255) ** 2)),
        "images_per_second": _median_rate(history.rows, len(training)),
        "dtype": history.dtype,
    }


def our_rate(training: ImageSet, epochs: int, dtype: str) -> Found:
    """Return the images per second of the median epoch at the lesson's batch, and the larger of the peaks before and after."""
    recipe = make_recipe("course-conv", settings=[f"batch_size={BATCH}", f"epochs={epochs}", f"dtype={dtype}"])
    preprocess = Preprocess.for_images(training, recipe.size)
    before = peak_gflops(dtype)
    _, history = train_model(training.dense(preprocess), preprocess, recipe)
    return {"images_per_second": _median_rate(history.rows, len(training)), "peak_gflops": max(before, peak_gflops(dtype))}


def _median_rate(rows: list[dict[str, float]], images: int) -> float:
    return images / float(statistics.median(np.diff([row["seconds"] for row in rows], prepend=0.0).tolist()))


def peak_gflops(dtype: str) -> float:
    """Return the rate of a large matrix product, the median of 15 after three to warm up."""
    left, right = (torch.randn(SIDE, SIDE).to(getattr(torch, dtype)) for _ in range(2))
    seconds = []
    for _ in range(18):
        start = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - start)
    return 2 * SIDE**3 / statistics.median(seconds[3:]) / 1e9
