"""bench/train_speed.py --net course_conv: lesson 2 on notMNIST by Keras and TensorFlow, by a plain PyTorch loop, and by sablier.

Each trains on the training letters and is judged by the mean squared error on the test letters after its last epoch; nothing is
validated while it is timed. Images per second are those of the median epoch at the lesson's batch.
"""

import json
import os
import statistics
import subprocess
import tempfile
import time
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
from sablier.tasks.reconstruct import reconstruct
from sablier.training.config import FitConfig
from sablier.training.recipes import make_recipe
from sablier.workflows.train import train_model

TENSORFLOW = "2.21.0"
EPOCHS, BATCH = 50, 128  # of the lesson
RATE_EPOCHS = 3  # where only images per second are wanted
SEEDS = 3
SIDE = 2048  # of the matrices whose product measures the peak
FLOPS = 6  # of training per multiply-add of the forward pass: two, and twice as many again backward


def course_conv(bench: Bench) -> None:
    """Take every step that no earlier run has taken, print the table, and finish the bench."""
    quick = bench.args.quick
    training, tests = load_dataset("notmnist", "train"), load_dataset("notmnist", "test")
    if quick:
        training, tests = training.take(np.arange(1500)), tests.take(np.arange(1000))
    epochs, rate_epochs, seeds = (1, 1, [0]) if quick else (EPOCHS, RATE_EPOCHS, list(range(SEEDS)))
    fit = make_recipe("course-conv").fit
    plan = fit.plan(len(training), 28 * 28)
    if (fit.optimizer, fit.schedule, fit.ema) != ("adamw", "one-cycle", 0.0):
        raise SystemExit("the peers know one-cycle AdamW without averaged weights: bring them in line with the recipe first.")
    steps = bench.partial("course_conv")

    def step(name: str, compute: Any, *arguments: Any) -> Any:
        print(f"{name} ...", flush=True)
        return steps.get(name, lambda: compute(*arguments))

    arrays = training.array, tests.array
    keras = Environment("tensorflow", TENSORFLOW)
    lesson: dict[str, float] = {}
    scheduled: dict[str, float] = {}
    if quick and not keras.ready:
        print("no Keras: it has no environment yet, and a quick run makes none")
    else:
        keras.make()
        lesson = step("Keras as the lesson", run_keras, keras, *arrays, epochs, BATCH, None)
        scheduled = step("Keras, our schedule", run_keras, keras, *arrays, plan.epochs, plan.batch_size, fit)
    loop = step("PyTorch loop as the lesson", lesson_conv.run, *arrays, rate_epochs, BATCH, None)
    loop_scheduled = step("PyTorch loop, our schedule", lesson_conv.run, *arrays, plan.epochs, plan.batch_size, fit)
    runs = [step(f"sablier, seed {seed}", run_ours, training, tests, seed) for seed in seeds]
    dtype = statistics.mode(run["dtype"] for run in runs)
    rate = step("sablier, the lesson's batch", our_rate, training, rate_epochs, dtype)
    ours = {key: statistics.median(run[key] for run in runs) for key in ("seconds", "mse", "images_per_second")}

    def row(name: str, found: dict[str, float], epochs: int, batch: int, arithmetic: str = "float32") -> list[Any]:
        cells = [f"{found[key]:.{digits}f}" if key in found else "" for key, digits in COLUMNS.items()]
        return [name, epochs, batch, *cells, arithmetic]

    only_rate = {"images_per_second": loop["images_per_second"]}
    print_table(
        [f"{len(training):,} letters train, {len(tests):,} test", "epochs", "batch", *COLUMNS, "arithmetic"],
        [
            row(f"Keras, TensorFlow {TENSORFLOW}, as the lesson", lesson, epochs, BATCH),
            row("the same, our schedule", scheduled, plan.epochs, plan.batch_size),
            row("plain PyTorch loop as the lesson, for its rate only", only_rate, rate_epochs, BATCH),
            row("the same, our schedule, whole", loop_scheduled, plan.epochs, plan.batch_size),
            row(f"sablier, median of {len(seeds)} seeds", ours, plan.epochs, plan.batch_size, dtype),
            row("the same at the lesson's batch, for its rate only", rate, rate_epochs, BATCH, dtype),
        ],
    )
    effective = rate["images_per_second"] * FLOPS * lesson_conv.multiply_adds() / 1e9
    print(f"sablier at {effective:.0f} effective GFLOP/s; a product of {SIDE} x {SIDE} {dtype}: {rate['peak_gflops']:.0f}")
    payload = {
        "net": bench.args.net,
        "data": "notmnist",
        # Faster to worse letters is no speedup.
        "speedup_to_quality": lesson["seconds"] / ours["seconds"] if lesson and ours["mse"] <= lesson["mse"] else None,
        "keras_seconds": lesson.get("seconds"),
        "keras_mse": lesson.get("mse"),
        "our_seconds": ours["seconds"],
        "our_mse": ours["mse"],
        "images_per_second_ratio": rate["images_per_second"] / lesson["images_per_second"] if lesson else None,
        "fraction_of_peak": effective / rate["peak_gflops"],
        "keras_our_schedule_seconds": scheduled.get("seconds"),
        "keras_our_schedule_mse": scheduled.get("mse"),
        "torch_our_schedule_seconds": loop_scheduled["seconds"],
        "torch_our_schedule_mse": loop_scheduled["mse"],
        "keras_images_per_second": lesson.get("images_per_second"),
        "torch_images_per_second": loop["images_per_second"],
        "our_images_per_second": rate["images_per_second"],
        "peak_gflops": rate["peak_gflops"],
        "dtype": dtype,
    }
    bench.finish("course_conv", seeds, payload)


COLUMNS = {"seconds": 1, "mse": 5, "images_per_second": 0}  # what a step found -> decimals in the table


def run_keras(
    keras: Environment, training: np.ndarray, tests: np.ndarray, epochs: int, batch_size: int, ours: FitConfig | None
) -> dict[str, float]:
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
    return json.loads(done.stdout.splitlines()[-1])


def run_ours(training: ImageSet, tests: ImageSet, seed: int) -> dict[str, Any]:
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


def our_rate(training: ImageSet, epochs: int, dtype: str) -> dict[str, float]:
    """Return the images per second of the median epoch at the lesson's batch, and the larger of the peaks before and after."""
    recipe = make_recipe("course-conv", settings=[f"batch_size={BATCH}", f"epochs={epochs}", f"dtype={dtype}"])
    preprocess = Preprocess.for_images(training, recipe.size)
    before = peak_gflops(dtype)
    _, history = train_model(training.dense(preprocess), preprocess, recipe)
    return {"images_per_second": _median_rate(history.rows, len(training)), "peak_gflops": max(before, peak_gflops(dtype))}


def _median_rate(rows: list[dict[str, float]], images: int) -> float:
    return images / statistics.median(np.diff([row["seconds"] for row in rows], prepend=0.0))


def peak_gflops(dtype: str) -> float:
    """Return the rate of a large matrix product, the median of 15 after three to warm up."""
    left, right = (torch.randn(SIDE, SIDE).to(getattr(torch, dtype)) for _ in range(2))
    seconds = []
    for _ in range(18):
        start = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - start)
    return 2 * SIDE**3 / statistics.median(seconds[3:]) / 1e9
