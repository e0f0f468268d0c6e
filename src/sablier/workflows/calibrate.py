"""calibrate = a new threshold from fresh good images, no retraining."""

from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from sablier.errors import TooFewImages
from sablier.images.sources import read_images
from sablier.modelfile import ModelFile
from sablier.tasks.detect import Detector


def calibrate(model: str | PathLike[str], source: Any, output: str | PathLike[str] | None = None, **reading: Any) -> ModelFile:
    """Renew the promise of a detector on good images that neither trained nor calibrated it.

    Args:
        model: a .sablier file that detects.
        source: whatever `read_images` takes: fresh good images, as they come today.
        output: where to write; None replaces `model`, whole or not at all.

    Raises:
        TooFewImages: for fewer than 2 images.
    """
    file = ModelFile.load(Path(model))
    detector = Detector.from_file(file)
    fresh = read_images(source, **reading).dense(file.preprocess)
    if len(fresh) < 2:
        raise TooFewImages(f"expected at least 2 good images to calibrate with, got {len(fresh)}.")
    renewed = Detector.calibrated(detector.scorers, (fresh,))
    calibrated = f"on {len(fresh)} fresh images from {fresh.source}"
    if fresh.skipped:
        named = ", ".join(item.id for item in fresh.skipped[:3]) + (", ..." if len(fresh.skipped) > 3 else "")
        calibrated += f"; {len(fresh.skipped)} unreadable and skipped: {named}"
    provenance = file.provenance.model_copy(update={"calibrated": calibrated})
    result = replace(file, parts={**file.parts, **renewed.parts()}, provenance=provenance)
    result.save(Path(model if output is None else output))
    return result
