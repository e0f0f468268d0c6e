"""False-discovery rate: flags for a whole batch that bound the share of good images among the flagged ones."""

import numpy as np

from sablier.errors import ConfigError
from sablier.typing import Array


def checked_fdr(fdr: float) -> float:
    """Return `fdr`, checked.

    Raises:
        ConfigError: if it is not between 0 and 1.
    """
    if not 0 < fdr < 1:
        raise ConfigError(f"expected a false-discovery rate fdr between 0 and 1, such as 0.1, got {fdr}.")
    return float(fdr)


def discovery_cut(level_counts: Array, fdr: float) -> float:
    """Return the p-value up to which a batch is flagged at a false-discovery rate (Benjamini and Hochberg 1995).

    It is the largest occurring p-value p with fdr * (share of images with a p-value of at most p) >= p, or 0 if there is
    none.

    Args:
        level_counts: the number of images with each p-value, from `Calibration.level_counts`, summed over chunks.
        fdr: the false-discovery rate: the allowed mean share of good images among the flagged ones.

    >>> discovery_cut(np.array([2, 2, 0, 0, 0, 0, 0, 0, 0, 6]), 0.5)
    0.2
    >>> discovery_cut(np.array([1, 0, 0, 0, 0, 0, 0, 0, 0, 9]), 0.5)  # one anomaly, and too few calibration images
    0.0
    """
    p_values = np.arange(1, len(level_counts) + 1) / len(level_counts)
    at_most = np.cumsum(level_counts)
    adjusted = p_values * (at_most[-1] / np.maximum(at_most, 1))
    flagged = np.flatnonzero((adjusted <= checked_fdr(fdr)) & (level_counts > 0))
    return float(p_values[flagged[-1]]) if len(flagged) else 0.0
