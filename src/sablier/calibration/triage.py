"""Triage: images with the smallest p-values are rejected, the next ones are sent to a person, the others pass."""

from sablier.calibration.rates import checked_alpha, images_needed, percent
from sablier.calibration.scores import Calibration
from sablier.errors import ConfigError


def checked_reject_alpha(reject_alpha: float, alpha: float) -> float:
    """Return the false-alarm rate of rejection, checked; `alpha` is that of review.

    Raises:
        ConfigError: if one of them is not between 0 and 1, or the first is not the smaller one.
    """
    if checked_alpha(reject_alpha) >= checked_alpha(alpha):
        raise ConfigError(
            f"expected a false-alarm rate of rejection below that of review, got {percent(reject_alpha)} and {percent(alpha)}."
        )
    return float(reject_alpha)


def triage_promise(calibration: Calibration, reject_alpha: float, alpha: float) -> str:
    """Return in plain words how many good images a triage rejects, sends to a person and passes, and the guarantee.

    Args:
        calibration: what the p-values are of.
        reject_alpha: the false-alarm rate of rejection.
        alpha: that of review, the larger one.

    >>> import numpy as np
    >>> triage_promise(Calibration((np.arange(99.0),)), 0.01, 0.05)[:84]
    'Of 1,000 good images about 10 will be rejected and 40 sent to a person; 950 pass. At'
    """
    checked_reject_alpha(reject_alpha, alpha)
    promise = calibration.promise(alpha)
    if not calibration.decides(alpha):
        return promise
    flagged = round(1000 * alpha)
    if calibration.decides(reject_alpha):
        rejected = round(1000 * reject_alpha)
        shares = f"about {rejected:,} will be rejected and {flagged - rejected:,} sent to a person; {1000 - flagged:,} pass."
        return f"Of 1,000 good images {shares} {promise}"
    return (
        f"No image is rejected without a person: {calibration.size} calibrate, and a false-alarm rate of {percent(reject_alpha)} "
        f"takes {images_needed(reject_alpha)}. Of 1,000 good images about {flagged:,} will be sent to a person; "
        f"{1000 - flagged:,} pass. {promise}"
    )
