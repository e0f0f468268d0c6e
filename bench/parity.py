"""Exported models against the models they come from: scores, ranks of p-values and verdicts on real images.

Detectors of every tier on MNIST (the digit 3 is good; 10,000 test images of all digits), detectors of photos of two tiers on the
photo files of magnetic tiles, and a classifier of digits. Each is trained with defaults, exported with `sablier export`, and run
by onnxruntime and by OpenVINO (in single precision, whatever the processor would choose). The largest difference of a score is in
standard deviations of the calibration scores; that of a classifier is of probabilities. Verdicts are compared at alpha 1, 5 and
10 %; those within 1e-4 standard deviations of the threshold are listed and counted apart. Three are exported in 8 bits, too
(`--int8`): the AUROC of the scores, or the accuracy of the classifier, before and after, other verdicts, and the speed on the
images that `sablier export` compares on. Needs $SABLIER_DATA and sablier-runtime; the rows of OpenVINO need the package openvino.
"""

import argparse
import os
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from harness import Bench, idle, labels_of, print_table
from sablier.errors import ModelFileError, ParityError
from sablier.images.imageset import ImageSet
from sablier.images.sources import read_images
from sablier.metrics import auroc
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.tasks.detection.exported_detector import ExportedDetector, Tensor
from sablier.typing import Array
from sablier.workflows.exported_files import read_exported
from sablier.workflows.exporting.export import SUBJECTS, export
from sablier.workflows.exporting.parity import Parity
from sablier.workflows.training.train import train

PHOTOS = Path(os.environ.get("SABLIER_DATA", ".data")) / "industrial" / "magnetic_tile"
MODELS = {  # what is trained, of which tier, on which images, and what is judged
    "detector, tiny": ("detector", "tiny", "mnist[label=3]", "mnist:test"),
    "detector, small": ("detector", "small", "mnist[label=3]", "mnist:test"),
    "detector, base": ("detector", "base", "mnist[label=3]", "mnist:test"),
    "detector, large": ("detector", "large", "mnist[label=3]", "mnist:test"),
    "photos, tiny": ("detector", "tiny", PHOTOS / "train" / "good", PHOTOS / "test"),
    "photos, base": ("detector", "base", PHOTOS / "train" / "good", PHOTOS / "test"),
    "classifier, base": ("classifier", "base", "mnist", "mnist:test"),
}
GOOD = ("3", "good")  # the labels of good images, where detectors are trained
FIGURES = ("largest_difference", "ranks_different", "verdicts_different", "near_threshold")
IN_8_BITS = ("detector, tiny", "detector, base", "classifier, base")
QUICK, FEW, MANY = ("detector, tiny",), 500, 10_000
AT_ONCE = 100  # images that OpenVINO gets at once


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", action="append", choices=list(MODELS), help="one of the models; may be repeated")


def main() -> None:
    bench = Bench("parity", __doc__ or "", add)
    steps, folder = bench.partial("models"), bench.workshop("models")
    names = bench.args.only or (QUICK if bench.args.quick else MODELS)
    rows: dict[str, Any] = {}
    most = FEW if bench.args.quick else MANY
    for name in names:
        rows |= steps.get(name, partial(measured, folder, name, most))
    in_8_bits = {name: steps.get(f"{name}, int8", partial(quantized, folder, name, most)) for name in names if name in IN_8_BITS}
    columns = ["images", *FIGURES, "export_seconds"]
    print_table(["model, runtime", *columns], [[name, *(row[column] for column in columns)] for name, row in rows.items()])
    print_table(
        ["in 8 bits", "measure", "before", "after", "other verdicts", "images", "times as fast", "size ratio"],
        [[name, *row.values()] for name, row in in_8_bits.items()],
    )
    whole = set(names) == set(MODELS)
    bench.finish("models", [0], {**summary(rows), "rows": rows, "int8": in_8_bits, "idle": idle()}, whole=whole)


def summary(rows: dict[str, Any]) -> dict[str, Any]:
    """Return the worst figure of all models by onnxruntime, and of OpenVINO where it was run."""

    def most(runtime: str, column: str) -> Any:
        found = [row[column] for row in rows.values() if row["runtime"] == runtime and row[column] is not None]
        return max(found, default=None)

    return {f"worst_{column}": most("onnxruntime", column) for column in (*FIGURES, "export_seconds")} | {
        "worst_verdicts_different_openvino": most("openvino", "verdicts_different"),
        "models_without_scores_openvino": sum(row["runtime"] == "openvino" and "fault" in row for row in rows.values()),
    }


def measured(folder: Path, name: str, most: int) -> dict[str, Any]:
    """Return a row for each runtime."""
    recipe, tier, _, judged = MODELS[name]
    model, exported = trained(folder, name), folder / f"{name}.onnx"
    start = time.perf_counter()
    export(model, exported)
    seconds = time.perf_counter() - start
    file, images = ModelFile.load(model), some_of(judged, most)
    subject, found = SUBJECTS[file.task].of(file), read_exported(exported)
    graphs: dict[str, Any] = {"onnxruntime": found.graph}
    if find_spec("openvino") is not None:
        graphs["openvino"] = OpenVino(exported, found.graph)
    rows = {}
    for runtime, graph in graphs.items():
        known = {"recipe": recipe, "tier": tier, "runtime": runtime, "images": len(images), "export_seconds": seconds}
        try:
            parity = subject.compared(images, found._replace(graph=graph))
        except ModelFileError as error:  # scores that are infinite or not a number
            rows[f"{name}, {runtime}"] = known | dict.fromkeys(FIGURES) | {"agrees": False, "fault": str(error)}
            continue
        rows[f"{name}, {runtime}"] = known | {
            "largest_difference": largest(parity), "ranks_different": int(of(parity, "ranks of p-values")),
            "verdicts_different": len(parity.verdicts), "near_threshold": len(parity.near), "listed": list(parity.near),
            "agrees": not parity.faults(),
        }  # fmt: skip
    return rows


def quantized(folder: Path, name: str, most: int) -> dict[str, Any]:
    """Return how a model in 8 bits compares with the model in single precision; None where its export is refused."""
    model, exact, exported = trained(folder, name), folder / f"{name}.onnx", folder / f"{name}, int8.onnx"
    file, images = ModelFile.load(model), some_of(MODELS[name][3], most)
    measure = "AUROC" if file.task == "detect" else "accuracy"
    if not exact.exists():
        export(model, exact)
    before = quality(exact, images, measure)
    try:
        result = export(model, exported, int8=True)
    except (ModelFileError, ParityError):  # there is no network, or too many verdicts change on the images compared on
        return {"measure": measure, "before": before} | dict.fromkeys(("after", "verdicts", "images", "faster", "size_ratio"))
    parity = SUBJECTS[file.task].of(file).compared(images, read_exported(exported))
    return {
        "measure": measure, "before": before, "after": quality(exported, images, measure),
        "verdicts": len({*parity.verdicts, *parity.near}), "images": parity.images, "faster": result.faster,
        "size_ratio": result.size / exact.stat().st_size,
    }  # fmt: skip


def trained(folder: Path, name: str) -> Path:
    """Return the model file, which is trained once."""
    recipe, tier, source, _ = MODELS[name]
    model = folder / f"{name}.sablier"
    if not model.exists():
        train(source, model, make_recipe(recipe, tier))
    return model


def some_of(judged: Any, most: int) -> ImageSet:
    images = read_images(judged)
    return images.take(np.arange(min(most, len(images))))


def quality(path: Path, images: ImageSet, measure: str) -> float:
    """Return the AUROC of the scores of an exported detector, or the accuracy of a classifier."""
    labels, found = labels_of(images), read_exported(path)
    if measure == "accuracy":
        likely = found.graph.run(["probabilities"], {"pixels": images.array})["probabilities"].argmax(axis=1)
        return float(np.mean(np.array(found.record["classes"])[likely] == labels))
    scores, good = ExportedDetector.of(*found).detect(images).scores, np.isin(labels, GOOD)
    return auroc(scores[good], scores[~good])


def largest(parity: Parity) -> float:
    """Return the largest difference of a score, in the unit of what is allowed: 1e-4 is the bar."""
    return max(1e-4 * each.largest / each.allowed for each in parity.differences if each.what in ("scores", "probabilities"))


def of(parity: Parity, what: str) -> float:
    """Return the largest difference of an output."""
    return next(each.largest for each in parity.differences if each.what == what)


class OpenVino:
    """The same graph, run by OpenVINO in single precision."""

    def __init__(self, path: Path, declared: Any) -> None:
        import openvino  # type: ignore[import-untyped, import-not-found, unused-ignore]

        self.inputs: dict[str, Tensor] = declared.inputs
        self.outputs: dict[str, Tensor] = declared.outputs
        core = openvino.Core()
        self.model = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(self, names: Any, inputs: dict[str, Array]) -> dict[str, Array]:
        """Return some of the outputs."""
        pixels = inputs["pixels"]
        parts: list[dict[str, Array]] = []
        for start in range(0, len(pixels), AT_ONCE):
            found = self.model({**inputs, "pixels": pixels[start : start + AT_ONCE]})
            parts.append({name: np.array(found[name]) for name in names})
        return {name: np.concatenate([part[name] for part in parts]) for name in names}


if __name__ == "__main__":
    main()
