"""`DiscoveryWindow`: images of a stream, flagged at a false-discovery rate in windows of a fixed number of images.

In each window the Benjamini-Hochberg procedure (1995) flags images, as if those still to come had a p-value of 1. An image
that arrives can therefore only raise the cut: a flag is never taken back, and the full window is flagged as `detect --fdr`
flags a batch. At any moment, and in the full window, the mean share of good images among the flagged ones is bounded, since
conformal p-values of independent images that share one calibration are positively dependent (PRDS; Bates, Candes, Lei, Romano
and Sesia 2023), which the procedure allows (Benjamini and Yekutieli 2001). No budget is spent from one window to the next.
"""

from dataclasses import dataclass, field
from math import floor

import numpy as np

from sablier.calibration.discoveries import checked_fdr, discovery_cut
from sablier.calibration.scores import Calibration
from sablier.errors import ConfigError
from sablier.typing import Array


@dataclass
class DiscoveryWindow:
    """The present window of a stream, and the p-value up to which its images are flagged.

    Args:
        calibration: what the p-values are of.
        fdr: the false-discovery rate, between 0 and 1.
        size: the number of images of a window, at least 1.
        number: the number of the window, from 1.
        counts: the number of its images at each level of p-values, from `Calibration.level_counts`.

    Raises:
        ConfigError: if the rate or the size is out of range.

    Examples:
        >>> from sablier.calibration import Calibration
        >>> window = DiscoveryWindow(Calibration((np.arange(99.0),)), fdr=0.1, size=20)
        >>> window.add(0.01)
        >>> window.cut  # of 20 images one at p = 0.01 could be chance
        0.0
        >>> window.add(0.01)
        >>> window.cut
        0.01
    """

    calibration: Calibration
    fdr: float
    size: int
    number: int = 1
    counts: Array = field(init=False)

    def __post_init__(self) -> None:
        checked_fdr(self.fdr)
        if self.size < 1:
            raise ConfigError(f"expected a window of at least 1 image, such as 1000, got {self.size}.")
        self.counts = np.zeros(self.calibration.groups + 1, np.int64)

    @property
    def seen(self) -> int:
        """The number of images in the window so far."""
        return int(self.counts.sum())

    @property
    def full(self) -> bool:
        """Whether the window is complete: none of its images will be flagged any more."""
        return self.seen >= self.size

    @property
    def cut(self) -> float:
        """The p-value up to which images of the window are flagged; 0 if none can be."""
        if not self.calibration.decides(self.fdr):
            return 0.0
        counts = self.counts.copy()
        counts[-1] += self.size - self.seen  # as if those still to come had a p-value of 1
        return discovery_cut(counts, self.fdr)

    def add(self, p_value: float) -> None:
        """Add the next image of the stream; after a full window it begins the next one."""
        if self.full:
            self.number += 1
            self.counts[:] = 0
        self.counts += self.calibration.level_counts(np.array([p_value]))

    def promise(self) -> str:
        """Return the guarantee in words, with what it assumes and what a flag takes."""
        promise = self.calibration.discovery_promise(self.fdr, self.size)
        if not self.calibration.decides(self.fdr):
            return promise
        alone = floor(self.fdr * (self.calibration.groups + 1) + 1e-9)  # the largest window in which one image can be flagged
        shorter = f" Windows of {alone:,} images would flag a lone one." if alone < self.size else ""
        return (
            f"In windows of {self.size:,} images (Benjamini and Hochberg 1995; Bates et al. 2023). {promise}{shorter} This holds "
            "for each window, also before it is full, and on average over windows; over a stream with hardly any anomalies the "
            "share of all flags together can be larger. An image can still be flagged until its window is full. No number of "
            "images without a flag ends the procedure: each window begins anew."
        )
