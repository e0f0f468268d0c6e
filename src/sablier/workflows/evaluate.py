"""evaluate = load, read good and bad images, score, compare with the baselines."""

from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from sablier.errors import ImagesError
from sablier.files import write_text
from sablier.files.kinds import PAGE
from sablier.images.imageset import ImageSet
from sablier.images.mvtec import GOOD, layout_of
from sablier.images.sources import read_images
from sablier.modelfile import ModelFile
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.evaluate import EvaluationResult, Masks, evaluate_detector
from sablier.tasks.known_images import KnownImages
from sablier.workflows.likeness import check_likeness
from sablier.workflows.outputs import writes


@writes("evaluate", "good", "bad", file=PAGE)
def evaluate(
    model: str | PathLike[str],
    good: Any,
    bad: Any = None,
    output: str | PathLike[str] | None = None,
    *,
    alpha: float = 0.05,
    backbone: str | PathLike[str] | None = None,
    **reading: Any,
) -> EvaluationResult:
    """Measure a detector on images known to be good and known to be bad; the result notes those that it knows already.

    Args:
        model: a .sablier file that detects.
        good, bad: whatever `read_images` takes; `reading` are its options. Without `bad`, `good` is a folder laid out like
            MVTec AD: test/good is judged against every other folder of test, and anomaly maps against the masks in ground_truth.
        output: an HTML file for the report, or None.
        alpha: the false-alarm rate to judge at.
        backbone: the file of the feature network that the model was trained with, if it was one of the user's own; it is run.

    Raises:
        ModelFileError, BackboneError, ImagesError, ConfigError, OutputError.
    """
    file = ModelFile.load(Path(model))
    detector = Detector.from_file(file, backbone, scores=True)
    good_images, bad_images, masks = _test_images(good, bad, reading)
    check_likeness(file, good_images, strict=bool(reading.get("strict")))
    result = evaluate_detector(detector, good_images, bad_images, alpha, masks, KnownImages.from_file(file))
    if output is not None:
        from sablier.report.html import evaluation_report

        title = f"{Path(model).stem}: {len(result.good)} good and {len(result.bad)} bad images"
        write_text(Path(output), evaluation_report(file, detector, result, title))
    return result


def _test_images(good: Any, bad: Any, reading: dict[str, Any]) -> tuple[ImageSet, ImageSet, Masks | None]:
    """Return the good and the bad images, and the masks of these where they lie beside them."""
    if bad is not None:
        return read_images(good, **reading), read_images(bad, **reading), None
    layout = layout_of(good)
    if layout is None:
        raise ImagesError(
            f"{good}: expected a folder with test/{GOOD}/ and a folder in test/ for each kind of defect, as in MVTec AD. "
            "Name one, or good and bad images apart."
        )
    masks = partial(layout.masks, strict=bool(reading.get("strict")))
    return *layout.read_tests(**reading), masks if layout.ground_truth.is_dir() else None
