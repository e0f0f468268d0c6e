"""evaluate = load, read good and bad images, score, compare with the baselines; compare = the same for several models."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from sablier.files import write_whole
from sablier.images.sources import read_images
from sablier.modelfile import ModelFile
from sablier.tasks.detect import Detector
from sablier.tasks.evaluate import EvaluationResult, evaluate_detector


def evaluate(
    model: str | PathLike[str],
    good: Any,
    bad: Any,
    output: str | PathLike[str] | None = None,
    *,
    alpha: float = 0.05,
    **reading: Any,
) -> EvaluationResult:
    """Measure a detector on images known to be good and known to be bad; neither may have trained it.

    Args:
        model: a .sablier file that detects.
        good, bad: whatever `read_images` takes; `reading` are its options.
        output: an HTML file for the report, or None.
        alpha: the false-alarm rate to judge at.

    Raises:
        ModelFileError, ImagesError, ConfigError, OutputError.
    """
    file = ModelFile.load(Path(model))
    detector = Detector.from_file(file)
    result = evaluate_detector(detector, read_images(good, **reading), read_images(bad, **reading), alpha)
    if output is not None:
        from sablier.report.html import evaluation_report

        title = f"{Path(model).stem}: {len(result.good)} good and {len(result.bad)} bad images"
        write_whole(Path(output), evaluation_report(file, detector, result, title).encode())
    return result


@dataclass(frozen=True)
class Comparison:
    """One of several models: its evaluation, and the settings in which it differs from the others."""

    model: Path
    settings: dict[str, Any]
    result: EvaluationResult
    seconds: float


def compare(
    models: Sequence[str | PathLike[str]], good: Any, bad: Any, *, alpha: float = 0.05, **reading: Any
) -> list[Comparison]:
    """Evaluate several models on the same images and show in which settings they differ."""
    good_images, bad_images = read_images(good, **reading), read_images(bad, **reading)
    files = [ModelFile.load(Path(model)) for model in models]
    flat = [_flat(file.provenance.recipe) for file in files]
    keys = sorted({key for settings in flat for key in settings})
    differing = [key for key in keys if len({str(settings.get(key)) for settings in flat}) > 1]
    return [
        Comparison(
            Path(model),
            {key: settings.get(key) for key in differing},
            evaluate_detector(Detector.from_file(file), good_images, bad_images, alpha),
            sum(history["seconds"] for history in file.histories.values()),
        )
        for model, file, settings in zip(models, files, flat, strict=True)
    ]


def _flat(recipe: dict[str, Any]) -> dict[str, Any]:
    nested = {key: value for part in recipe.values() if isinstance(part, dict) for key, value in part.items()}
    return {key: value for key, value in recipe.items() if not isinstance(value, dict)} | nested
