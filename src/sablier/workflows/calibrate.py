"""calibrate = a new threshold from fresh good images, no retraining."""

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sablier.errors import ImagesError
from sablier.files.kinds import MODEL
from sablier.images.grouping import with_groups
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.tasks.detection.detect import Detector
from sablier.tasks.known_part import known_images_in, recalibrated_part
from sablier.typing import Array
from sablier.workflows.feedback import judged
from sablier.workflows.fresh_images import FreshImages, calibration_groups_paths, check_still_decides
from sablier.workflows.groups import write_groups
from sablier.workflows.likeness import read_like
from sablier.workflows.outputs import writes


@writes("calibrate", "source", file=MODEL, otherwise="model")
def calibrate(
    model: str | PathLike[str],
    source: Any,
    output: str | PathLike[str] | None = None,
    *,
    feedback: Sequence[str | PathLike[str]] = (),
    alpha: float = 0.05,
    fdr: float | None = None,
    groups: str | None = None,
    backbone: str | PathLike[str] | None = None,
    force: bool = False,
    **reading: Any,
) -> ModelFile:
    """Renew the promise of a detector on good images that did not train it; those that did, or nearly copy one, are left out.

    Without feedback the source must hold good images only. With it, the source is a whole batch as it came, good and bad,
    of which a person has judged all that the model flags. The images rejected do not calibrate; all others do, since accepted
    images alone were selected for their high scores. A share m of bad images among those that calibrate makes the false-alarm
    rate at most alpha / (1 - m); `audit` estimates m.

    Args:
        model: a .sablier file that detects.
        source: whatever `read_images` takes: fresh images, as they come today.
        output: where to write; None replaces `model`, whole or not at all.
        feedback: CSV files with the columns `id` and `verdict`, good or bad, such as flagged.csv of `detect`.
        alpha: the false-alarm rate that the model is used at, and that images were flagged at.
        fdr: the false-discovery rate at which they were, if it was one: the source must then be that batch, whole.
        groups: which images are dependent, as `sablier.images.grouping.parse_groups` reads it. Repeats are found as well.
        backbone: the file of the feature network that the model was trained with, if it was one of the user's own; it is run.
        force: replace `model` even by one that can give no verdict at `alpha`.

    Raises:
        BackboneError: for a backbone that is lacking, another, or not needed.
        TooFewImages: for fewer than 2 groups of images that did not train the model, or too few for the verdict at `alpha` that
            a `model` to be replaced gives, unless forced.
        ImagesError: for feedback that is unfair: flagged images without a verdict, or no image that was not flagged.
    """
    file = ModelFile.load(Path(model))
    detector = Detector.from_file(file, backbone, scores=True)
    fresh = with_groups(read_like(file, source, **reading), groups).dense(file.preprocess)
    kept = _not_rejected(detector, fresh, feedback, alpha, fdr) if feedback else np.ones(len(fresh), bool)
    fresh, rejected = fresh.take(kept), int(np.sum(~kept))
    known = known_images_in(file)
    new = FreshImages.of(fresh, file.preprocess, known)
    place = Path(model if output is None else output)
    if not force and place.resolve() == Path(model).resolve():
        check_still_decides(detector, new.images, alpha)
    renewed = Detector.calibrated(detector.scorers, (new.images,))
    calibrated = new.words(rejected if feedback else None)
    provenance = file.provenance.model_copy(update={"calibrated": calibrated})
    parts = {**file.parts, **renewed.parts(), **recalibrated_part(known, new.prints)}
    result = replace(file, parts=parts, provenance=provenance)
    result.save(place)
    write_groups(new.images, file.preprocess, calibration_groups_paths(place))
    return result


def _not_rejected(
    detector: Detector, images: ImageSet, feedback: Sequence[str | PathLike[str]], alpha: float, fdr: float | None
) -> Array:
    """Return N booleans, whether each image calibrates: all but those rejected, where all that are flagged were judged."""
    _, bad, flagged = judged(detector, images, feedback, alpha, fdr)
    if not bad.all() and flagged[~bad].all():
        raise ImagesError(
            f"expected a whole batch as it came, got {np.sum(~bad)} accepted images that are all flagged. Images picked because "
            "they are strange would make every later image look normal. Give the whole batch as the source; if this is all of "
            "it, calibrate on its good images alone, without feedback."
        )
    return np.asarray(~bad)
