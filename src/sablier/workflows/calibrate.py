"""calibrate = a new threshold from fresh good images, no retraining."""

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sablier.calibration import ANOMALY, percent
from sablier.errors import ImagesError, TooFewImages
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.tasks.detect import Detector
from sablier.workflows.audit import read_verdicts
from sablier.workflows.likeness import read_like


def calibrate(
    model: str | PathLike[str],
    source: Any,
    output: str | PathLike[str] | None = None,
    *,
    feedback: Sequence[str | PathLike[str]] = (),
    alpha: float = 0.05,
    fdr: float | None = None,
    **reading: Any,
) -> ModelFile:
    """Renew the promise of a detector on good images that neither trained nor calibrated it.

    Without feedback the source must hold good images only. With it, the source is a whole batch as it came, good and bad,
    of which a person has judged all that the model flags. The images rejected do not calibrate; all others do. (Those
    accepted must not calibrate alone: they were looked at because they are strange, and after them nothing would be.) A
    share m of bad images among those that calibrate makes the false-alarm rate at most alpha / (1 - m); `audit` estimates m.

    Args:
        model: a .sablier file that detects.
        source: whatever `read_images` takes: fresh images, as they come today.
        output: where to write; None replaces `model`, whole or not at all.
        feedback: CSV files with the columns `id` and `verdict`, good or bad, such as flagged.csv of `detect`.
        alpha: the false-alarm rate at which the flagged images were picked for the person to judge.
        fdr: the false-discovery rate at which they were, if it was one: the source must then be that batch, whole.

    Raises:
        TooFewImages: for fewer than 2 images.
        ImagesError: for feedback that is unfair: flagged images without a verdict, or no image that was not flagged.
    """
    file = ModelFile.load(Path(model))
    detector = Detector.from_file(file)
    fresh = read_like(file, source, **reading).dense(file.preprocess)
    rejected = 0
    if feedback:
        kept = _not_rejected(detector, fresh, feedback, alpha, fdr)
        fresh, rejected = fresh.take(kept), len(fresh) - len(kept)
    if len(fresh) < 2:
        raise TooFewImages(f"expected at least 2 good images to calibrate with, got {len(fresh)}.")
    renewed = Detector.calibrated(detector.scorers, (fresh,))
    calibrated = f"on {len(fresh)} fresh images from {fresh.source}"
    if feedback:
        calibrated += f", {rejected} rejected ones left out"
    if fresh.skipped:
        named = ", ".join(item.id for item in fresh.skipped[:3]) + (", ..." if len(fresh.skipped) > 3 else "")
        calibrated += f"; {len(fresh.skipped)} unreadable and skipped: {named}"
    provenance = file.provenance.model_copy(update={"calibrated": calibrated})
    result = replace(file, parts={**file.parts, **renewed.parts()}, provenance=provenance)
    result.save(Path(model if output is None else output))
    return result


def _not_rejected(
    detector: Detector, images: ImageSet, feedback: Sequence[str | PathLike[str]], alpha: float, fdr: float | None
) -> list[int]:
    """Return which images calibrate: all but those rejected, where all that are flagged were judged."""
    verdicts = read_verdicts(*feedback)
    strangers = sorted(set(verdicts) - set(images.ids.tolist()))
    if strangers:
        raise ImagesError(
            f"expected feedback on images of {images.source}, got a verdict on {strangers[0]}, which is not among them. "
            "Give the source that was judged, whole."
        )
    flagged = detector.detect(images, alpha, fdr=fdr).verdicts == ANOMALY
    unseen = [name for name in images.ids[flagged].tolist() if name not in verdicts]
    if unseen:
        raise ImagesError(
            f"expected a verdict on each of the {np.sum(flagged)} images flagged at {percent(alpha if fdr is None else fdr)}, "
            f"got none on {len(unseen)} of them, such as {unseen[0]}. Judge those too, or name the rate they were flagged at "
            "with --alpha or --fdr."
        )
    kept = [index for index, name in enumerate(images.ids.tolist()) if verdicts.get(name, True)]
    if kept and flagged[kept].all():
        raise ImagesError(
            f"expected a whole batch as it came, got {len(kept)} accepted images that are all flagged. Images picked because "
            "they are strange would make every later image look normal. Give the whole batch as the source; if this is all of "
            "it, calibrate on its good images alone, without feedback."
        )
    return kept
