"""Checks of a model file that need its use: whether its parts fit together, and whether results are finite."""

import numpy as np

from sablier.errors import ModelFileError
from sablier.typing import Array


def check_fit(what: str, came: int, expected: int) -> None:
    """Check that two parts of a model file fit together, where the needed length is known only in use.

    Raises:
        ModelFileError: if a part has another number of values than the others need.
    """
    if came != expected:
        raise ModelFileError(
            f"the parts of the model file do not fit together: expected {expected} {what}, got {came}. Train it anew."
        )


def check_finite(what: str, values: Array) -> Array:
    """Return the output of a model, checked.

    Raises:
        ModelFileError: if it is not finite, which happens only with invalid weights.
    """
    if not np.isfinite(values).all():
        raise ModelFileError(f"the model makes of these images {what} that are infinite or not a number. Train it anew.")
    return values
