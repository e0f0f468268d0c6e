"""More good images for a trained detector: the sums of its members grow, and every choice stays as it was."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sablier.calibration import Calibration, images_needed
from sablier.errors import ModelFileError
from sablier.images.grouping import count_groups
from sablier.images.imageset import ImageSet
from sablier.tasks.detection.detect import MAP_ALPHA, Detector
from sablier.tasks.detection.result import BASELINES
from sablier.tasks.detection.scorer import Scorer
from sablier.tasks.detection.symmetries import with_turned_copies
from sablier.transforms.turns import Turn


def check_updates(detector: Detector) -> None:
    """Check that images can be added to a detector without training.

    Raises:
        ModelFileError: if not, with the reason.
    """
    reasons = filter(None, (member.fixed_by for scorer in detector.scorers for member in scorer.members))
    for reason in reasons:
        raise ModelFileError(
            f"expected a detector that more images can be added to, such as one of photos, got one that has to be trained anew, "
            f"since {reason}. Train on old and new images together: sablier train"
        )


def updated_scorers(scorers: Sequence[Scorer], images: ImageSet) -> tuple[Scorer, ...]:
    """Return the scorers after more training images, which all of them get; fusion and baselines stay as they were.

    Args:
        scorers: those of a detector that `check_updates` accepts.
        images: dense good images; where turned copies trained the members, each gets a turned copy, too.
    """
    taught: dict[tuple[Turn, ...], ImageSet] = {}  # one set for all folds, over which sums are computed once
    found = []
    for scorer in scorers:
        if scorer.turns not in taught:
            taught[scorer.turns] = with_turned_copies(images, scorer.turns)
        members = tuple(member.updated(taught[scorer.turns], scorer.preprocess) for member in scorer.members)
        found.append(replace(scorer, members=members))
    return tuple(found)


def recalibrated(detector: Detector, scorers: tuple[Scorer, ...], calibrating: ImageSet) -> Detector:
    """Return the detector with other scorers, whose scores void its calibration, calibrated anew.

    Where fewer than 19 groups calibrate, the unit of anomaly maps and all that is measured of good images stay those of
    `detector`.

    Args:
        calibrating: dense good images that trained no scorer; if there are none, the detector has no calibration, and no
            verdicts.
    """
    if not len(calibrating):
        nothing = Calibration((np.empty(0),))
        baselines = dict.fromkeys(BASELINES, nothing)
        return replace(detector, scorers=scorers, calibration=nothing, baseline_calibrations=baselines, map_calibration=nothing)
    found = Detector.calibrated(scorers, (calibrating,))
    if count_groups(calibrating) >= images_needed(MAP_ALPHA):
        return found
    return replace(found, map_unit=detector.map_unit, frame=detector.frame, usual=detector.usual)
