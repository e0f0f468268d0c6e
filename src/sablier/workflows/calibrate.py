"""calibrate = a new threshold from fresh good images, no retraining."""

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sablier.calibration import images_needed, is_flagged, percent
from sablier.errors import ImagesError, TooFewImages
from sablier.files.kinds import MODEL
from sablier.images.fingerprints import fingerprints
from sablier.images.grouping import count_groups, counted_groups, with_groups, with_repeats
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.tasks.detection.detect import Detector
from sablier.tasks.known_images import CALIBRATED, TRAINED, KnownImages
from sablier.workflows.audit import read_verdicts
from sablier.workflows.groups import groups_paths, write_groups
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
    kept = _not_rejected(detector, fresh, feedback, alpha, fdr) if feedback else list(range(len(fresh)))
    fresh, rejected = fresh.take(kept), len(fresh) - len(kept)
    known = KnownImages.from_file(file)
    prints = fingerprints(fresh, file.preprocess)
    uses = known.overlap(prints)
    fresh, prints = fresh.take(uses != TRAINED), prints.take(uses != TRAINED)
    left_out, again = int(np.sum(uses == TRAINED)), int(np.sum(uses == CALIBRATED))
    fresh = with_repeats(fresh, prints)
    _check_enough(fresh, left_out)
    place = Path(model if output is None else output)
    if not force and place.resolve() == Path(model).resolve():
        _check_still_decides(detector, fresh, alpha)
    renewed = Detector.calibrated(detector.scorers, (fresh,))
    calibrated = _in_words(fresh, rejected if feedback else None, left_out, again)
    provenance = file.provenance.model_copy(update={"calibrated": calibrated})
    parts = {**file.parts, **renewed.parts(), **known.recalibrated(prints)}
    result = replace(file, parts=parts, provenance=provenance)
    result.save(place)
    write_groups(fresh, file.preprocess, calibration_groups_paths(place))
    return result


def _check_enough(fresh: ImageSet, left_out: int) -> None:
    """Raise TooFewImages where the images that are left cannot calibrate, beside those left out since they trained."""
    if count_groups(fresh) < 2:
        trained = f", and {left_out:,} more that trained the model, which cannot calibrate it" if left_out else ""
        raise TooFewImages(
            f"expected at least 2 good images to calibrate with, of 2 groups, got {counted_groups(fresh)} from {fresh.source}"
            f"{trained}. Take fresh images, that the model has not seen."
        )


def _check_still_decides(detector: Detector, fresh: ImageSet, alpha: float) -> None:
    """Raise TooFewImages where fresh images are too few for a verdict, which the calibration that they replace gives."""
    needed = images_needed(alpha)
    if detector.calibration.decides(alpha) and count_groups(fresh) < needed:
        raise TooFewImages(
            f"expected at least {needed} fresh images that are independent of each other, got {counted_groups(fresh)} from "
            f"{fresh.source}. The model gives verdicts at a false-alarm rate of {percent(alpha)} now, and would give none after. "
            "It was not replaced. Take more images, write another file with --output, or replace it all the same with --force."
        )


def _in_words(fresh: ImageSet, rejected: int | None, left_out: int, again: int) -> str:
    """Return on what a detector was calibrated anew, for its provenance; `rejected` is None without feedback."""
    groups = f", {count_groups(fresh):,} groups" if count_groups(fresh) < len(fresh) else ""
    calibrated = f"on {len(fresh):,} fresh images from {fresh.source}{groups}"
    if rejected is not None:
        calibrated += f", {rejected} rejected ones left out"
    if left_out:
        calibrated += f"; {left_out:,} that trained the model, or nearly copy one that did, were left out"
    if 0 < again < len(fresh):  # all of them: the same once more, as after a run that was stopped at its end
        calibrated += f"; {again:,} calibrated it before and do so again"
    if fresh.skipped:
        named = ", ".join(item.id for item in fresh.skipped[:3]) + (", ..." if len(fresh.skipped) > 3 else "")
        calibrated += f"; {len(fresh.skipped)} unreadable and skipped: {named}"
    return calibrated


def calibration_groups_paths(output: Path) -> tuple[Path, Path]:
    """Return where the groups of calibration images are listed and drawn, beside a model file.

    >>> [path.name for path in calibration_groups_paths(Path("part.sablier"))]
    ['part.calibration-groups.csv', 'part.calibration-groups.png']
    """
    return groups_paths(output, "calibration-groups")


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
    flagged = is_flagged(detector.detect(images, alpha, fdr=fdr).verdicts)
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
