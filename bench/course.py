"""Lesson 1: the lesson's net and budget, ours beside the lesson as printed and with equal shapes. Needs MNIST.

The digit 5 is normal; 80 % of the 5,421 training fives train, 20 % validate; all 10,000 test images are scored.
"""

import numpy as np

from harness import Bench, labels_of, print_table
from lesson_loop import run as run_lesson
from sablier.course.anomaly_study import study
from sablier.images.datasets import load_dataset
from sablier.metrics import auroc


def main() -> None:
    bench = Bench("course", __doc__ or "")
    seeds = list(range(1 if bench.args.quick else 5))
    ours = study(seeds=len(seeds))
    digits, tests = load_dataset("mnist", "train"), load_dataset("mnist", "test")
    normal, labels = tests.labels == "5", labels_of(digits).astype(int)

    def lesson(broadcast: bool) -> tuple[float, float]:
        found = [run_lesson(digits.array[..., 0], labels, 5, tests.array[..., 0], seed, broadcast) for seed in seeds]
        return float(np.mean([mse for mse, _, _ in found])), float(np.mean([auroc(e[normal], e[~normal]) for _, e, _ in found]))

    printed, mended = lesson(True), lesson(False)
    print_table(
        [f"lesson 1, mean of {len(seeds)} seeds", "validation MSE", "AUROC"],
        [
            ["as printed", *printed],
            ["with equal shapes", *mended],
            ["PCA, 90 % of the variance", "", ours.auroc_pca],
            ["sablier", ours.validation_mse, ours.auroc],
        ],
    )
    payload = {
        "data": "mnist",
        "lesson1_val_mse": ours.validation_mse,
        "lesson1_auroc": ours.auroc,
        "lesson1_val_mse_printed": printed[0],
        "lesson1_auroc_printed": printed[1],
        "lesson1_val_mse_mended": mended[0],
        "lesson1_auroc_mended": mended[1],
        "lesson1_auroc_pca": ours.auroc_pca,
        "parameters": ours.parameters,
    }
    bench.finish("mnist", seeds, payload)


if __name__ == "__main__":
    main()
