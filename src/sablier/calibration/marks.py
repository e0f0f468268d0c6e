"""Marks: the pixels of anomaly maps above a level that few good images exceed anywhere, and the guarantee on them.

The largest map value of an image is a score like any other, and its conformal p-value is valid. A level that the largest value of
a good image exceeds with a probability of at most alpha is one that all its pixels exceed with that probability together: the
familywise error rate over pixels, by the maximum (Westfall and Young 1993), with the finite-sample correction of conformal
prediction (Vovk, Gammerman and Shafer 2005).
"""

from sablier.calibration.rates import checked_alpha, images_needed, percent
from sablier.calibration.scores import Calibration


def mark_promise(maxima: Calibration | None, alpha: float) -> str:
    """Return in plain words how likely a good image shows any mark, and the assumption; or why nothing is guaranteed.

    Args:
        maxima: the largest map values of calibration images; None if they are not known, as in files of earlier versions.
        alpha: the false-alarm rate.

    >>> import numpy as np
    >>> mark_promise(Calibration((np.arange(99.0),)), 0.05)[:84]
    'A good image like those it was calibrated on shows any mark (a white pixel in its ma'
    >>> mark_promise(None, 0.05)[:43]
    'No promise for marks: this model file is of'
    """
    rate = percent(checked_alpha(alpha))
    if maxima is None:
        return (
            "No promise for marks: this model file is of an earlier version, which did not keep the largest map values of "
            "calibration images. Train or calibrate again: `sablier calibrate`."
        )
    if not maxima.count:
        return "No promise for marks: no image calibrates this model. It takes good images: `sablier calibrate`."
    if not maxima.decides(alpha):
        needed = f"{images_needed(alpha)}{' groups' if maxima.what_counts == 'groups' else ''}"
        return f"No promise for marks at a false-alarm rate of {rate}: {maxima.size} calibrate, it would take {needed}."
    if maxima.crossed:
        return (
            "No promise for marks: cross-conformal folds calibrate this model, and no proof covers their mean map. Fresh good "
            "images given to `sablier calibrate` bring it."
        )
    grouped = maxima.what_counts == "groups"
    return (
        "A good image like those it was calibrated on shows any mark (a white pixel in its mask) with a probability of at most "
        f"{rate}, flagged or not, on average over calibrations. With these {maxima.groups:,} calibration {maxima.what_counts} "
        f"the probability is {'about ' if grouped else ''}at most {percent(maxima.band(alpha)[1])} (95% confidence)."
        f"{' One image of each group is meant.' if grouped else ''}"
    )
