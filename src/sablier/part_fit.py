"""What only use shows of a model file: whether its parts fit together, and whether what they make of images is a number."""

import numpy as np

from sablier.errors import ModelFileError
from sablier.typing import Array


def check_fit(what: str, came: int, expected: int) -> None:
    """See that two parts of a model file fit together, where only use shows how long one of them has to be.

    Raises:
        ModelFileError: where a part has another number of values than the others call for.
    """
    if came != expected:
        raise ModelFileError(
            f"the parts of the model file do not fit together: expected {expected} {what}, got {came}. Train it anew."
        )


def check_finite(what: str, values: Array) -> Array:
    """Return what a model made of images.

    Raises:
        ModelFileError: where some of it is infinite or not a number, which only weights that nobody trained do.
    """
    if not np.isfinite(values).all():
        raise ModelFileError(f"the model makes of these images {what} that are infinite or not a number. Train it anew.")
    return values
