"""Flags chosen for a whole batch, so that among them the share of good images is bounded."""

import numpy as np

from sablier.errors import ConfigError
from sablier.typing import Array


def checked_fdr(fdr: float) -> float:
    """Return `fdr` if it is a false-discovery rate.

    Raises:
        ConfigError: outside (0, 1).
    """
    if not 0 < fdr < 1:
        raise ConfigError(f"expected a false-discovery rate fdr between 0 and 1, such as 0.1, got {fdr}.")
    return float(fdr)


def discovery_cut(level_counts: Array, fdr: float) -> float:
    """Return the p-value at or below which Benjamini and Hochberg (1995) flag a batch; 0 where they flag nothing.

    It is the largest p-value p that occurs for which fdr * (the share of images with a p-value of at most p) >= p.

    Args:
        level_counts: how many images of the batch have each p-value, as `Calibration.level_counts` gives, summed over chunks.
        fdr: the share of good images among the flagged that is allowed on average.

    >>> discovery_cut(np.array([2, 2, 0, 0, 0, 0, 0, 0, 0, 6]), 0.5)
    0.2
    >>> discovery_cut(np.array([1, 0, 0, 0, 0, 0, 0, 0, 0, 9]), 0.5)  # a lone one, and too few calibrate
    0.0
    """
    p_values = np.arange(1, len(level_counts) + 1) / len(level_counts)
    at_most = np.cumsum(level_counts)
    adjusted = p_values * (at_most[-1] / np.maximum(at_most, 1))
    flagged = np.flatnonzero((adjusted <= checked_fdr(fdr)) & (level_counts > 0))
    return float(p_values[flagged[-1]]) if len(flagged) else 0.0
