"""The workflow `compare`: compares the settings, losses and results of several models of one task."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sablier.errors import ConfigError
from sablier.files import write_whole
from sablier.images.sources import read_images
from sablier.modelfile import ModelFile
from sablier.report.histories import Rows, rows_by_kind
from sablier.report.settings import differing_settings
from sablier.tasks.classification.classify import TASK as CLASSIFY
from sablier.tasks.classification.classify import ClassificationResult, Classifier
from sablier.tasks.detection.detect import TASK as DETECT
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.evaluate import EvaluationResult, MethodRow, evaluate_detector
from sablier.tasks.detection.named_backbone import backbone_of_each
from sablier.workflows.likeness import check_likeness
from sablier.workflows.outputs import writes
from sablier.workflows.tables import write_tables
from sablier.workflows.training.classifier import class_numbers

Measured = EvaluationResult | ClassificationResult


@dataclass(frozen=True)
class TrainedNetwork:
    """The end of the training of networks of one kind: the epochs, and the last losses, as means over folds."""

    epochs: int
    losses: dict[str, float]


@dataclass(frozen=True)
class ComparedModel:
    """One of the compared models.

    Args:
        name: the name of its file.
        settings: those in which it differs from the others.
        networks: how the training of each kind of network ended; the kind is "" if there is only one.
        seconds: of the training of all networks.
        measured: its results on the given images, or None.
        histories: the histories in the model file.
    """

    name: str
    settings: dict[str, Any]
    networks: dict[str, TrainedNetwork]
    seconds: float
    measured: Measured | None
    histories: Mapping[str, Mapping[str, Any]]

    def to_row(self) -> dict[str, Any]:
        """Return the differing settings, the last losses, and the results on the images."""
        row: dict[str, Any] = {"file": self.name, **self.settings}
        for kind, network in self.networks.items():
            ended = {"epochs_trained": network.epochs, **network.losses}
            row |= {f"{kind}.{key}" if kind else key: value for key, value in ended.items()}
        row["seconds"] = self.seconds
        if isinstance(self.measured, ClassificationResult):
            row |= {"accuracy": self.measured.accuracy, "calibration_error": self.measured.calibration_error()}
        elif self.measured is not None:
            row |= _figures(self.measured, self.measured.rows[0])
        return row


@dataclass(frozen=True)
class Comparison:
    """Several models of one task, side by side."""

    task: str
    models: tuple[ComparedModel, ...]

    def to_table(self) -> list[dict[str, Any]]:
        """Return a row per model, and one per baseline of detectors; None for values that a model does not have."""
        rows = [model.to_row() for model in self.models]
        first = self.models[0].measured
        if isinstance(first, EvaluationResult):
            rows += [{"file": f"{row.method} (baseline)", **_figures(first, row)} for row in first.rows[1:]]
        columns = dict.fromkeys(key for row in rows for key in row)
        return [{column: row.get(column) for column in columns} for row in rows]

    def to_json(self) -> dict[str, Any]:
        """Return the same, with the task and the number of images."""
        first = self.models[0].measured
        judged: dict[str, int] = {}
        if isinstance(first, EvaluationResult):
            judged = {"good": len(first.good), "bad": len(first.bad)}
        elif first is not None:
            judged = {"images": len(first)}
        return {"task": self.task, **judged, "models": self.to_table()}


@writes("compare", "images", "good", "bad")
def compare(
    models: Sequence[str | PathLike[str]],
    images: Any = None,
    output: str | PathLike[str] | None = None,
    *,
    good: Any = None,
    bad: Any = None,
    alpha: float = 0.05,
    backbones: Sequence[str | PathLike[str]] = (),
    **reading: Any,
) -> Comparison:
    """Compare models of one task by their differing settings, their losses, and their results on the same images.

    Settings of a network that some models lack are left out; `members` shows which networks there are.

    Args:
        models: .sablier files.
        images: for classifiers, labelled images: anything that `read_images` takes. None measures no accuracy.
        output: a folder for compare.csv, compare.json and curves.png (losses by epoch and by seconds); None writes nothing.
        good: for detectors, images known to be good; None measures no rates.
        bad: images known to be bad, together with `good`.
        alpha: the false-alarm rate, between 0 and 1.
        backbones: the files of the users' feature networks that these models were trained with, if any; they are run.
        **reading: options of `read_images`.

    Raises:
        ConfigError: if the models have different tasks, or the task does not take these images.
        ModelFileError, BackboneError, ImagesError, OutputError: before anything is written if possible.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> import sablier
        >>> with TemporaryDirectory() as folder:
        ...     for epochs in (1, 2):
        ...         recipe = sablier.make_recipe("course-softmax", settings=[f"epochs={epochs}"])
        ...         _ = sablier.train("digits", f"{folder}/{epochs}.sablier", recipe)
        ...     result = sablier.compare([f"{folder}/1.sablier", f"{folder}/2.sablier"], "digits:test")
        >>> [(row["file"], row["epochs"]) for row in result.to_table()]
        [('1.sablier', 1), ('2.sablier', 2)]
    """
    files = [ModelFile.load(Path(model)) for model in models]
    task = _one_task(files)
    named = backbone_of_each(files, backbones, needed=good is not None)
    measure = _judge(task, images, good, bad, alpha, reading)
    differing = differing_settings([file.provenance.recipe for file in files])
    found = tuple(
        ComparedModel(
            name,
            settings,
            {kind: _ended(list(rows.values())) for kind, rows in rows_by_kind(file.histories).items()},
            sum(history["seconds"] for history in file.histories.values()),
            measure(file, path) if measure else None,
            file.histories,
        )
        for name, file, settings, path in zip(_names(models), files, differing, named, strict=True)
    )
    comparison = Comparison(task, found)
    if output is not None:
        _write(comparison, Path(output))
    return comparison


def _one_task(files: Sequence[ModelFile]) -> str:
    """Return the task of all files."""
    tasks = sorted({file.task for file in files})
    if len(tasks) != 1:
        raise ConfigError(f"expected models of one task, got {' and '.join(tasks) or 'none'}. Compare those of each task apart.")
    return tasks[0]


def _judge(
    task: str, images: Any, good: Any, bad: Any, alpha: float, reading: Mapping[str, Any]
) -> Callable[[ModelFile, str | PathLike[str] | None], Measured] | None:
    """Return a function that measures a model of the task, with its backbone, on the given images; None without images."""
    if (good is None) != (bad is None):
        raise ConfigError("expected both good and bad images, or neither. Name them with --good and --bad.")
    if good is not None and task != DETECT:
        raise ConfigError(f"expected detectors to judge good and bad images with, got models trained to {task}.")
    if images is not None and task != CLASSIFY:
        other = " Name good and bad ones with --good and --bad." if task == DETECT else ""
        raise ConfigError(f"expected classifiers to tell labelled images, got models trained to {task}.{other}")
    if good is not None:
        good, bad = read_images(good, **reading), read_images(bad, **reading)

        def judged(file: ModelFile, backbone: str | PathLike[str] | None) -> EvaluationResult:
            check_likeness(file, good, strict=bool(reading.get("strict")))
            return evaluate_detector(Detector.from_file(file, backbone, scores=True), good, bad, alpha)

        return judged
    if images is None:
        return None
    labelled = read_images(images, **reading)

    def told(file: ModelFile, backbone: str | PathLike[str] | None) -> ClassificationResult:
        classifier = Classifier.from_file(file)
        class_numbers(labelled, classifier.classes)
        check_likeness(file, labelled, strict=bool(reading.get("strict")))
        return classifier.classify(labelled)

    return told


def _names(models: Sequence[str | PathLike[str]]) -> list[str]:
    """Return the names of model files, with their folders if the names alone repeat."""
    short = [Path(model).name for model in models]
    return short if len(set(short)) == len(short) else [str(model) for model in models]


def _ended(folds: Sequence[Rows]) -> TrainedNetwork:
    """Return how the training of the networks of one kind ended."""
    last = [rows[-1] for rows in folds if rows]
    keys = [key for key in (last[0] if last else {}) if key.endswith("loss")]
    return TrainedNetwork(
        max((int(row["epoch"]) for row in last), default=0),
        {key: float(np.mean([row[key] for row in last if key in row])) for key in keys},
    )


def _figures(result: EvaluationResult, row: MethodRow) -> dict[str, Any]:
    """Return the figures of one detection method; its rates are None if no verdict is possible."""
    rates = {"false_alarms": row.false_alarms.value, "missed": row.missed.value}
    return {"auroc": row.auroc, **{name: None if result.undetermined else rate for name, rate in rates.items()}}


def _write(comparison: Comparison, folder: Path) -> None:
    """Write the tables and the curves."""
    # Plotting is imported only when needed.
    from sablier.report.curves import training_curves

    write_tables(folder, "compare", comparison)
    write_whole(folder / "curves.png", training_curves({model.name: model.histories for model in comparison.models}))
