"""What a stream of detections counts for the bounds: one image of each group, by its place among the calibration images."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from sablier.calibration import (
    CONFIDENCE,
    LOT_CONFIDENCE,
    Calibration,
    DiscoveryBound,
    checked_confidence,
    cut_counts,
    cut_p_values,
    cut_ranks,
    discovery_bound,
    fewest_bad,
    reason_for_none,
)
from sablier.errors import ConfigError
from sablier.images.imageset import ImageSet
from sablier.tasks.detection.lots import Lot, Lots
from sablier.tasks.detection.result import DetectionResult
from sablier.typing import Array

MOST_LOTS = 10_000

Naming = Callable[[ImageSet], Array]  # returns N names, of the groups or the lots of N images


@dataclass(frozen=True)
class BoundOptions:
    """What is bounded, and how.

    Args:
        confidence: of the bound on good images among the flagged ones.
        group_of: names the group of each image; None: each image that repeats no earlier one is its own.
        lot_of: names the lot of each image; None: there are no lots.
        lot_confidence: of the bound on bad images in a lot.
        simultaneous: whether that confidence is of all lots together.
        reason: why nothing is bounded; "" if something may be.

    Raises:
        ConfigError: if a confidence is not between 0 and 1.
    """

    confidence: float = CONFIDENCE
    group_of: Naming | None = None
    lot_of: Naming | None = None
    lot_confidence: float = LOT_CONFIDENCE
    simultaneous: bool = False
    reason: str = ""

    def __post_init__(self) -> None:
        checked_confidence(self.confidence)
        checked_confidence(self.lot_confidence)


@dataclass
class BatchCounts:
    """Counts the images of a stream for the bounds.

    The first image of each group counts. Groups are named by the user, or are images that repeat an earlier one. A calibration
    counts one image of each of its groups likewise. Memory grows with the number of named groups and of lots alone.

    Args:
        calibration: what the p-values are of.
        options: what is bounded.

    Raises:
        ConfigError: for lots, if no bound is proved for such a calibration.
    """

    calibration: Calibration
    options: BoundOptions
    images: int = 0
    _counts: Array = field(init=False)
    _lots: dict[str, tuple[Array, Array]] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._counts = self._nothing()
        reason = reason_for_none(self.calibration, self.options.group_of is not None)
        if self.options.lot_of is not None and reason:
            raise ConfigError(f"expected a calibration that bounds the bad images of lots, got one that does not: {reason}")

    def _nothing(self) -> Array:
        return np.zeros(self.calibration.count + 1, np.int64)

    def update(self, images: ImageSet, result: DetectionResult) -> None:
        """Count N images, given their detections.

        Raises:
            ImagesError: if the rule of groups or of lots names none for some image.
            ConfigError: if there are more than 10,000 lots.
        """
        self.images += len(images)
        if self.calibration.crossed:  # no bound is proved
            return
        independent = self._independent(images, result)
        self._counts += cut_counts(self.calibration, result.scores[independent])
        if self.options.lot_of is None or not len(images):
            return
        lots = self.options.lot_of(images)
        for lot in dict.fromkeys(lots.tolist()):
            own = lots == lot
            every, counted = self._lots.setdefault(lot, (self._nothing(), self._nothing()))
            every += cut_counts(self.calibration, result.scores[own])
            counted += cut_counts(self.calibration, result.scores[own & independent])
        if len(self._lots) > MOST_LOTS:
            raise ConfigError(f"expected at most {MOST_LOTS:,} lots, got more. Capture less of the names in --lot.")

    def _independent(self, images: ImageSet, result: DetectionResult) -> Array:
        """Return N booleans: whether an image is the first of its group in the stream."""
        first = np.ones(len(images), bool) if result.recognized is None else result.recognized.repeats == ""
        if self.options.group_of is not None and len(images):
            for place, name in enumerate(self.options.group_of(images).tolist()):
                first[place] &= name not in self._seen
                self._seen.add(name)
        return np.asarray(first)

    def bound(self, cut: float) -> DiscoveryBound:
        """Return the bound on good images among those flagged at a p-value of at most `cut`."""
        options = self.options
        return discovery_bound(
            self.calibration, self._counts, cut, options.confidence, images=self.images, grouped=options.group_of is not None,
            reason=options.reason,
        )  # fmt: skip

    def lots(self, cut: float) -> Lots | None:
        """Return the bounds on bad images in each lot, of which those are flagged with a p-value of at most `cut`."""
        if self.options.lot_of is None:
            return None
        risk = (1 - self.options.lot_confidence) / (len(self._lots) if self.options.simultaneous else 1)
        ranks, flags = cut_ranks(self.calibration), cut_p_values(self.calibration) <= cut
        rows = [
            Lot(lot, int(every.sum()), int(own.sum()), int(every[flags].sum()), fewest_bad(np.cumsum(own), ranks, risk))
            for lot, (every, own) in self._lots.items()
        ]
        return Lots(tuple(rows), self.options.lot_confidence, self.options.simultaneous)
