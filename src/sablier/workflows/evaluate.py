"""The workflow `evaluate`: measures a detector on good and bad images, next to the baselines."""

from collections.abc import Sequence
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
from sablier.tasks.detection.evaluate import EvaluationResult, Masks, evaluate_detector, masks_in
from sablier.tasks.known_part import known_images_in
from sablier.workflows.likeness import check_likeness
from sablier.workflows.outputs import writes
from sablier.workflows.page_files import files_beside, files_folder


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
    """Measure a detector on images known to be good and known to be bad.

    The result has AUROC with its 95 % interval (DeLong, DeLong and Clarke-Pearson 1988), rates with exact 95 % intervals (Clopper
    and Pearson 1934), and with masks AUPRO (Bergmann et al. 2020). It notes images that trained or calibrated the model.

    Args:
        model: a .sablier file of a detector.
        good: good images: anything that `read_images` takes. Without `bad`, a folder laid out like MVTec AD: the images in
            test/ are measured, and anomaly maps against the masks in ground_truth/.
        bad: bad images, likewise.
        output: an HTML file for the report, with its pictures in page_files/ beside page.html; None writes nothing.
        alpha: the false-alarm rate, between 0 and 1.
        backbone: the file of the user's feature network that the model was trained with, if any; it is run.
        **reading: options of `read_images`.

    Returns:
        A row per method: sablier and the baselines.

    Raises:
        ModelFileError: if the model is no detector.
        BackboneError: if the backbone is missing, is another one, or is not needed.
        ImagesError: if the images cannot be used.
        ConfigError: if `alpha` is not between 0 and 1.
        OutputError: if the report cannot be written.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> import sablier
        >>> with TemporaryDirectory() as folder:
        ...     recipe = sablier.make_recipe(tier="tiny", settings=["members=closed-form", "folds=2"])
        ...     _ = sablier.train("digits[label=3]", f"{folder}/threes.sablier", recipe)
        ...     result = sablier.evaluate(f"{folder}/threes.sablier", "digits:test[label=3]", "digits:test[label=5]")
        >>> result.rows[0].method, result.rows[0].auroc > 0.95
        ('sablier', True)
    """
    file = ModelFile.load(Path(model))
    detector = Detector.from_file(file, backbone, scores=True)
    good_images, bad_images, masks = _test_images(good, bad, reading)
    check_likeness(file, good_images, strict=bool(reading.get("strict")))
    measured = partial(evaluate_detector, detector, good_images, bad_images, alpha, masks, known_images_in(file))
    if output is None:
        return measured()
    with files_beside(Path(output), "evaluate", good, bad) as folder:
        from sablier.workflows.evaluation_pictures import EvaluationPictures  # plotting is slow to import

        pictures = EvaluationPictures(detector, folder, (good_images, bad_images), masks)
        result = measured(on_found=pictures.add if pictures.all_fit else None)
        text = _report(file, detector, result, Path(model).stem, pictures.close(result, files_folder(Path(output)).name))
    write_text(Path(output), text)
    return result


def _report(file: ModelFile, detector: Detector, result: EvaluationResult, name: str, rows: Sequence[dict[str, Any]]) -> str:
    from sablier.report.html import evaluation_report

    title = f"{name}: {len(result.good)} good and {len(result.bad)} bad images"
    return evaluation_report(file, detector, result, title, rows)


def _test_images(good: Any, bad: Any, reading: dict[str, Any]) -> tuple[ImageSet, ImageSet, Masks | None]:
    """Return the good and the bad images, and the masks if there are any."""
    if bad is not None:
        bad_images = read_images(bad, **reading)
        return read_images(good, **reading), bad_images, masks_in(bad_images)
    layout = layout_of(good)
    if layout is None:
        raise ImagesError(
            f"{good}: expected a folder with test/{GOOD}/ and a folder in test/ for each kind of defect, as in MVTec AD. "
            "Name one, or good and bad images apart."
        )
    masks = partial(layout.masks, strict=bool(reading.get("strict")))
    return *layout.read_tests(**reading), masks if layout.ground_truth.is_dir() else None
