"""Lesson 1: the lesson's net and budget, ours beside the lesson as printed and with equal shapes. Needs MNIST.

The digit 5 is normal; 80 % of the 5,421 training fives train, 20 % validate; all 10,000 test images are scored. Without --quick,
the figures of each seed go to src/sablier/course/measured.json, from which the pages of the course take them. Then every lesson
runs at tier small (an hour at most on two idle cores): `rows` has the minutes announced and taken. That needs notMNIST and
CIFAR-10, too.
"""

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from harness import Bench, labels_of, print_table
from lesson_loop import run as run_lesson
from sablier.course.anomaly_study import study
from sablier.course.lessons import run_all
from sablier.images.datasets import load_dataset
from sablier.metrics import auroc

Figures = dict[str, list[float]]  # "mse", "auroc" and "first" of each seed
# What the exercises of the lesson ask for.
VARIANTS = {"no weight decay": ["weight_decay=0"], "latent 16": ["latent=16"], "unet": ["model=unet", "epochs=3"]}
MEASURED = Path(str(files("sablier.course") / "measured.json"))


def main() -> None:
    bench = Bench("course", __doc__ or "")
    seeds = list(range(1 if bench.args.quick else 5))
    ours = study(seeds=len(seeds))
    digits, tests = load_dataset("mnist", "train"), load_dataset("mnist", "test")
    normal, labels = tests.labels == "5", labels_of(digits).astype(int)

    def lesson(broadcast: bool) -> Figures:
        found = [run_lesson(digits.array[..., 0], labels, 5, tests.array[..., 0], seed, broadcast) for seed in seeds]
        return {
            "mse": [mse for mse, _, _ in found],
            "auroc": [auroc(errors[normal], errors[~normal]) for _, errors, _ in found],
            "first": [float(errors[0]) for _, errors, _ in found],
        }

    printed, mended = lesson(True), lesson(False)
    print_table(
        [f"lesson 1, mean of {len(seeds)} seeds", "validation MSE", "AUROC"],
        [
            ["its code, run here", np.mean(printed["mse"]), np.mean(printed["auroc"])],
            ["with equal shapes, run here", np.mean(mended["mse"]), np.mean(mended["auroc"])],
            ["PCA, 90 % of the variance", "", ours.auroc_pca],
            ["sablier", ours.validation_mse, ours.auroc],
        ],
    )
    if not bench.args.quick:
        variants = {name: sablier_figures(settings, seeds[:2]) for name, settings in VARIANTS.items()}
        note_measured({"as printed": printed, "equal shapes": mended, "sablier": sablier_figures([], seeds), **variants})
    payload = {
        "data": "mnist",
        "lesson1_val_mse": ours.validation_mse,
        "lesson1_auroc": ours.auroc,
        "lesson1_val_mse_printed": float(np.mean(printed["mse"])),
        "lesson1_auroc_printed": float(np.mean(printed["auroc"])),
        "lesson1_val_mse_mended": float(np.mean(mended["mse"])),
        "lesson1_auroc_mended": float(np.mean(mended["auroc"])),
        "lesson1_auroc_pca": ours.auroc_pca,
        "parameters": ours.parameters,
        "rows": [] if bench.args.quick else lesson_rows(),
    }
    bench.finish("mnist", seeds, payload)


def lesson_rows() -> list[dict[str, object]]:
    """Run every lesson at tier small; return the minutes that each announced (None where it announces none) and took.

    Raises:
        SystemExit: naming the first lesson whose data is missing.
    """
    with TemporaryDirectory() as folder:
        rows = run_all(Path(folder), tier="small", on_progress=lambda stage, progress: None).rows
    for row in rows:
        if row.problem:
            raise SystemExit(f"{row.lesson}: {row.problem}")
    return [{"lesson": row.lesson, "minutes": row.minutes, "announced": row.announced} for row in rows]


def sablier_figures(settings: Sequence[str], seeds: Sequence[int]) -> Figures:
    """Return the figures of our own run of the lesson with settings, one a seed."""
    runs = [study(settings=[*settings, f"seed={seed}"]) for seed in seeds]
    return {
        "mse": [run.validation_mse for run in runs],
        "auroc": [run.auroc for run in runs],
        "first": [run.first_error for run in runs],
    }


def note_measured(figures: dict[str, Figures]) -> None:
    """Write the figures of lesson 1 into the file that the pages read; those of other lessons stay."""
    known = json.loads(MEASURED.read_text(encoding="utf-8"))
    rounded = {
        variant: {name: [round(value, 5) for value in values] for name, values in each.items()}
        for variant, each in figures.items()
    }
    MEASURED.write_text(json.dumps({**known, "anomaly": rounded}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
