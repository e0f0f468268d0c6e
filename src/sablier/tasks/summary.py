"""What is kept of a stream of detections, in memory that does not grow with it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sablier.calibration import checked_alpha
from sablier.images.imageset import ImageSet, Skipped
from sablier.tasks.detect import BASELINES, DetectionResult, Detector

Array = NDArray[Any]

BINS = 60
MOST_SKIPPED_LISTED = 1000


@dataclass(frozen=True)
class DetectionSummary:
    """A stream of detections in numbers and pictures.

    Args:
        count, flagged, skipped_count: how many images were judged, flagged, unreadable.
        undetermined: whether too few images calibrate for a verdict at this alpha.
        baseline_flagged: how many each baseline flags at the same alpha.
        edges, histogram: BINS+1 edges of score bins and the count in each; the outer bins take what lies beyond.
        worst: the images with the highest scores, worst first, with pictures.
        typical: images drawn evenly from the stream, with pictures.
        alpha, promise, threshold: the false-alarm rate asked for, what holds, and the score above which it flags.
        skipped: unreadable images, at most 1,000 of them.
    """

    count: int
    flagged: int
    skipped_count: int
    undetermined: bool
    baseline_flagged: dict[str, int]
    edges: Array
    histogram: Array
    worst: DetectionResult
    typical: DetectionResult
    alpha: float
    promise: str
    threshold: float
    skipped: tuple[Skipped, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the numbers."""
        return {
            "alpha": self.alpha,
            "promise": self.promise,
            "threshold": self.threshold if np.isfinite(self.threshold) else None,
            "images": self.count,
            "flagged": self.flagged,
            "flagged_by_baselines": self.baseline_flagged,
            "undetermined": self.undetermined,
            "skipped": [{"id": item.id, "reason": item.reason} for item in self.skipped],
            "skipped_count": self.skipped_count,
        }


class Summarizer:
    """Takes detections chunk by chunk and keeps the counts, the worst images and an even sample.

    Args:
        detector: what judges.
        alpha: the false-alarm rate; outside (0, 1) a ConfigError.
        worst, typical: how many images of each kind to keep with pictures.
    """

    def __init__(self, detector: Detector, alpha: float, worst: int = 200, typical: int = 12, seed: int = 0) -> None:
        self.detector, self.alpha = detector, checked_alpha(alpha)
        self.most_worst, self.most_typical = worst, typical
        self.random = np.random.default_rng(seed)
        normal = np.concatenate(detector.calibration.folds)
        low, high = normal.min(), normal.max()
        margin = max(high - low, 1e-6)
        self.edges = np.linspace(low - 0.25 * margin, high + 1.5 * margin, BINS + 1)
        self.histogram = np.zeros(BINS, np.int64)
        self.count = self.flagged = self.skipped_count = 0
        self.baseline_flagged = dict.fromkeys(BASELINES, 0)
        self.skipped: list[Skipped] = []
        self.worst: Kept | None = None
        self.typical: Kept | None = None

    def judge(self, images: ImageSet) -> DetectionResult:
        """Judge one chunk, remember what matters of it, and return the verdicts."""
        dense = images.dense(self.detector.preprocess)
        result = self.detector.detect(dense, self.alpha)
        self.count += len(result)
        self.flagged += result.flagged
        self.skipped_count += len(result.skipped)
        self.skipped = [*self.skipped, *result.skipped][:MOST_SKIPPED_LISTED]
        if self.detector.calibration.decides(self.alpha):
            for name in BASELINES:
                self.baseline_flagged[name] += int(np.sum(result.baseline_p_values[name] <= self.alpha))
        self.histogram += np.histogram(np.clip(result.scores, self.edges[0], self.edges[-1]), self.edges)[0]
        self.worst = kept(self.worst, dense, result.scores, self.most_worst)
        self.typical = kept(self.typical, dense, self.random.random(len(dense)), self.most_typical)
        return result

    def summary(self) -> DetectionSummary:
        """Return what was kept, with pictures of the images that were."""

        def pictured(kept: Kept | None) -> DetectionResult:
            shape = (0, self.detector.preprocess.height, self.detector.preprocess.width, self.detector.preprocess.channels)
            images = ImageSet(np.empty(shape, self.detector.preprocess.dtype)) if kept is None else kept.images
            return self.detector.detect(images, self.alpha, pictures=True)

        return DetectionSummary(
            count=self.count,
            flagged=self.flagged,
            skipped_count=self.skipped_count,
            undetermined=not self.detector.calibration.decides(self.alpha),
            baseline_flagged=self.baseline_flagged,
            edges=self.edges,
            histogram=self.histogram,
            worst=pictured(self.worst),
            typical=pictured(self.typical),
            alpha=self.alpha,
            promise=self.detector.calibration.promise(self.alpha),
            threshold=self.detector.calibration.threshold(self.alpha),
            skipped=tuple(self.skipped),
        )


@dataclass(frozen=True)
class Kept:
    """The images of highest priority so far, highest first."""

    images: ImageSet
    priorities: Array


def kept(before: Kept | None, images: ImageSet, priorities: Array, most: int) -> Kept:
    """Return the `most` images of highest priority among those kept before and the new ones."""
    top = np.argsort(-priorities, kind="stable")[:most]
    # What was skipped is counted elsewhere; kept here too, it would grow with the stream.
    new = Kept(replace(images.take(top), skipped=()), priorities[top])
    if before is None:
        return new
    order = np.argsort(-np.r_[before.priorities, new.priorities], kind="stable")[:most]
    joined = ImageSet.concatenate([before.images, new.images]).take(order)
    return Kept(joined, np.r_[before.priorities, new.priorities][order])
