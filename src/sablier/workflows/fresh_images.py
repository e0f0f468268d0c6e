"""Fresh good images that calibrate a detector anew: those that trained it are left out, and repeats count once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from sablier.calibration import images_needed, percent
from sablier.errors import TooFewImages
from sablier.images.fingerprints import Fingerprints, fingerprints
from sablier.images.grouping import count_groups, counted_groups, with_repeats
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.tasks.detection.judge import Judge
from sablier.tasks.known_images import CALIBRATED, TRAINED, KnownImages
from sablier.workflows.groups import groups_paths


@dataclass(frozen=True)
class FreshImages:
    """Good images that did not train a model.

    Args:
        images: dense, in groups.
        prints: their fingerprints.
        left_out: how many others were left out, since they trained the model or nearly copy an image that did.
        again: how many of the images calibrated the model before.
    """

    images: ImageSet
    prints: Fingerprints
    left_out: int = 0
    again: int = 0

    @classmethod
    def of(cls, dense: ImageSet, preprocess: Preprocess, known: KnownImages) -> Self:
        """Return the fresh ones of dense images.

        Raises:
            TooFewImages: if they make fewer than 2 groups.
        """
        prints = fingerprints(dense, preprocess)
        uses = known.overlap(prints)
        new = uses != TRAINED
        images, prints = dense.take(new), prints.take(new)
        found = cls(with_repeats(images, prints), prints, int(np.sum(~new)), int(np.sum(uses == CALIBRATED)))
        if count_groups(found.images) < 2:
            trained = f", and {found.left_out:,} more that trained the model, which cannot calibrate it" if found.left_out else ""
            raise TooFewImages(
                f"expected at least 2 good images to calibrate with, of 2 groups, got {counted_groups(found.images)} from "
                f"{dense.source}{trained}. Take fresh images, that the model has not seen."
            )
        return found

    def words(self, rejected: int | None = None) -> str:
        """Return on what a detector was calibrated anew, for its provenance; `rejected` is None without feedback."""
        groups = f", {count_groups(self.images):,} groups" if count_groups(self.images) < len(self.images) else ""
        calibrated = f"on {len(self.images):,} fresh images from {self.images.source}{groups}"
        if rejected is not None:
            calibrated += f", {rejected} rejected ones left out"
        if self.left_out:
            calibrated += f"; {self.left_out:,} that trained the model, or nearly copy one that did, were left out"
        if 0 < self.again < len(self.images):  # all of them: the same once more, as after a run that was stopped at its end
            calibrated += f"; {self.again:,} calibrated it before and do so again"
        return calibrated + skipped_words(self.images)


def check_still_decides(detector: Judge, calibrating: ImageSet, alpha: float) -> None:
    """Check that a detector that is replaced gives verdicts afterwards, if it does now.

    Raises:
        TooFewImages: if the images that calibrate it are too few.
    """
    needed = images_needed(alpha)
    if detector.calibration.decides(alpha) and count_groups(calibrating) < needed:
        raise TooFewImages(
            f"expected at least {needed} fresh images that are independent of each other, got {counted_groups(calibrating)} from "
            f"{calibrating.source}. The model gives verdicts at a false-alarm rate of {percent(alpha)} now, and would give none "
            "after. It was not replaced. Take more images, write another file with --output, or replace it all the same with "
            "--force."
        )


def skipped_words(images: ImageSet) -> str:
    """Return which images could not be read, for the provenance; "" if all could."""
    if not images.skipped:
        return ""
    named = ", ".join(item.id for item in images.skipped[:3]) + (", ..." if len(images.skipped) > 3 else "")
    return f"; {len(images.skipped)} unreadable and skipped: {named}"


def calibration_groups_paths(output: Path) -> tuple[Path, Path]:
    """Return where the groups of calibration images are listed and drawn, beside a model file.

    >>> [path.name for path in calibration_groups_paths(Path("part.sablier"))]
    ['part.calibration-groups.csv', 'part.calibration-groups.png']
    """
    return groups_paths(output, "calibration-groups")
