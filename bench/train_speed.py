"""How fast training is, against what the course's lessons run.

--net course_dense: the loop of lesson 1 and ours, same net, images, epochs and batch, one after the other. Each is timed from
images in memory to the last epoch's validation, five times in turn; the ratio is of the medians. Needs MNIST.

--net course_conv: lesson 2 in Keras and TensorFlow, in a plain PyTorch loop, and ours: seconds to the lesson's quality, images
per second, and the share of the machine's peak. A quarter of an hour; TensorFlow is installed aside, once. Needs notMNIST.
"""

import argparse
import statistics
import time

from harness import Bench, labels_of, print_table
from lesson_loop import run as run_lesson
from sablier.images.datasets import load_dataset
from sablier.images.preprocess import Preprocess
from sablier.recipes.make import make_recipe
from sablier.workflows.training.network import train_model
from train_speed_conv import course_conv


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--net", default="course_dense", choices=list(NETS))


def course_dense(bench: Bench) -> None:
    """Time both loops in turn, print the table, and finish the bench."""
    everything = load_dataset("mnist", "train")
    digits, labels = everything.where(label="5"), labels_of(everything).astype(int)
    repeats = 1 if bench.args.quick else 5
    theirs, ours, dtypes, losses = [], [], [], []
    for seed in range(repeats):
        theirs.append(run_lesson(everything.array[..., 0], labels, 5, everything.array[:1, ..., 0], seed, broadcast=False)[2])
        start = time.perf_counter()
        training, validation = digits.split(0.8, 0.2, seed=seed)
        recipe = make_recipe("course-dense", settings=[f"seed={seed}"])
        _, history = train_model(training, Preprocess.for_images(training, recipe.size), recipe, validation=validation)
        ours.append(time.perf_counter() - start)
        dtypes.append(history.dtype)
        losses.append(history.rows[-1]["validation_loss"])
    lesson_seconds, our_seconds = statistics.median(theirs), statistics.median(ours)
    print_table(
        ["10 epochs of 4,337 images, batch 64", "median seconds", "slowest", "arithmetic"],
        [
            ["the lesson's loop", lesson_seconds, max(theirs), "float32"],
            ["sablier", our_seconds, max(ours), ", ".join(sorted(set(dtypes)))],
        ],
    )
    payload = {
        "net": bench.args.net,
        "data": "mnist",
        "speedup": lesson_seconds / our_seconds,
        "lesson_seconds": lesson_seconds,
        "our_seconds": our_seconds,
        "dtypes": sorted(set(dtypes)),
        "validation_loss": statistics.mean(losses),
    }
    bench.finish("course_dense", list(range(repeats)), payload)


NETS = {"course_dense": course_dense, "course_conv": course_conv}


def main() -> None:
    bench = Bench("train_speed", __doc__ or "", add)
    NETS[bench.args.net](bench)


if __name__ == "__main__":
    main()
