"""What a person judged of a whole batch: which images are bad, and whether all that the model flags were judged."""

from collections.abc import Sequence
from os import PathLike

import numpy as np

from sablier.calibration import is_flagged, percent
from sablier.errors import ImagesError
from sablier.images.imageset import ImageSet
from sablier.tasks.detection.judge import Judge
from sablier.typing import Array
from sablier.workflows.audit import read_verdicts


def judged(
    detector: Judge, images: ImageSet, feedback: Sequence[str | PathLike[str]], alpha: float, fdr: float | None
) -> tuple[Array, Array, Array]:
    """Return for N images whether each was judged good, whether it was judged bad, and whether the model flags it.

    Args:
        detector: what flagged the images.
        images: the whole batch, dense.
        feedback: CSV files with the columns `id` and `verdict`, as `read_verdicts` takes them.
        alpha, fdr: the rate at which images were flagged.

    Raises:
        ImagesError: for a verdict on an image that is not in the batch, or a flagged image without one.
    """
    verdicts = read_verdicts(*feedback)
    names = images.ids.tolist()
    strangers = sorted(set(verdicts) - set(names))
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
    good, bad = (np.array([verdicts.get(name) is value for name in names], bool) for value in (True, False))
    return good, bad, flagged
