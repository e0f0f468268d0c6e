"""The order in which evaluated images are looked at: what the detector gets wrong first, the hardest at the top."""

import numpy as np

from sablier.calibration import UNDETERMINED, is_flagged
from sablier.tasks.detection.result import DetectionResult
from sablier.typing import Array

GOOD, BAD = 0, 1


def hardest_first(good: DetectionResult, bad: DetectionResult) -> Array:
    """Return N,2 integers for all N images: 0 for a good or 1 for a bad one, and its position among them.

    Bad images that are not flagged come first, those with the largest p-values at the top; then good images that are flagged,
    those with the smallest p-values at the top; then all others, nearest to the threshold first. Of equal p-values the score
    decides. Without verdicts all bad images come first, and then all good ones, in the same order.

    Args:
        good, bad: the detections in good and in bad images, at one alpha.
    """
    kind = np.repeat([GOOD, BAD], [len(good), len(bad)])
    place = np.concatenate([np.arange(len(good)), np.arange(len(bad))])
    p_values, scores, verdicts = (
        np.concatenate([getattr(good, name), getattr(bad, name)]) for name in ("p_values", "scores", "verdicts")
    )
    flagged = is_flagged(verdicts)
    right = np.zeros(len(kind), bool) if np.all(verdicts == UNDETERMINED) else flagged == (kind == BAD)
    part = np.where(right, 2, 1 - kind)
    hard = np.where(right, np.abs(np.log(p_values / good.alpha)), np.where(kind == BAD, -p_values, p_values))
    # Nearest to the threshold: the highest scores of what is not flagged, the lowest of what is.
    first = np.where(right, flagged, kind == BAD)
    order = np.lexsort((np.where(first, scores, -scores), hard, part))
    return np.stack([kind, place], axis=1)[order]
