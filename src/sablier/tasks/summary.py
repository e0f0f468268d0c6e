"""What is kept of a stream of detections, in memory that does not grow with it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sablier.calibration import UNDETERMINED, checked_alpha, checked_fdr, discovery_cut, verdicts_at
from sablier.images.imageset import ImageSet, Skipped
from sablier.monitoring import DriftAlarm
from sablier.tasks.detect import BASELINES, DetectionResult, Detector

Array = NDArray[Any]

BINS = 60
P_VALUE_BINS = 20
OURS = "sablier"
MOST_SKIPPED_LISTED = 1000


@dataclass(frozen=True)
class DetectionSummary:
    """A stream of detections in numbers and pictures.

    Args:
        count, flagged, skipped_count: how many images were judged, flagged, unreadable.
        undetermined: whether too few images calibrate for a verdict at this alpha or fdr.
        baseline_flagged: how many each baseline flags at the same alpha or fdr.
        edges, histogram: BINS+1 edges of score bins and the count in each; the outer bins take what lies beyond.
        worst: the images with the highest scores, worst first, with pictures.
        typical: images drawn evenly from the stream, with pictures.
        alpha, fdr, promise: as in a DetectionResult, over the whole stream as one batch.
        threshold: the score above which it flags; infinite where it flags nothing.
        skipped: unreadable images, at most 1,000 of them.
        p_value_counts: how many p-values lie in each of P_VALUE_BINS even bins from 0 to 1.
        drift: the alarm that watched the p-values.
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
    fdr: float | None
    promise: str
    threshold: float
    skipped: tuple[Skipped, ...]
    p_value_counts: Array
    drift: DriftAlarm

    def verdict(self, p_value: float) -> str:
        """Return the verdict on an image of the stream."""
        return str(verdicts_at(np.array([p_value]), self.alpha, not self.undetermined)[0])

    def to_json(self) -> dict[str, Any]:
        """Return the numbers."""
        return {
            "alpha": self.alpha,
            "fdr": self.fdr,
            "promise": self.promise,
            "threshold": self.threshold if np.isfinite(self.threshold) else None,
            "images": self.count,
            "flagged": self.flagged,
            "flagged_by_baselines": self.baseline_flagged,
            "undetermined": self.undetermined,
            "drift": {"alarmed": self.drift.alarmed, "evidence": self.drift.evidence, "words": self.drift.words()},
            "skipped": [{"id": item.id, "reason": item.reason} for item in self.skipped],
            "skipped_count": self.skipped_count,
        }


class Summarizer:
    """Takes detections chunk by chunk and keeps the counts, the worst images and an even sample.

    Args:
        detector: what judges.
        alpha: the false-alarm rate; outside (0, 1) a ConfigError.
        worst, typical: how many images of each kind to keep with pictures.
        fdr: in place of alpha, the false-discovery rate over the whole stream; outside (0, 1) a ConfigError. The verdicts
            of a chunk are then undetermined until the stream has ended: see `DetectionSummary.verdict`.
    """

    def __init__(
        self, detector: Detector, alpha: float, worst: int = 200, typical: int = 12, seed: int = 0, *, fdr: float | None = None
    ) -> None:
        self.detector, self.alpha = detector, checked_alpha(alpha)
        self.fdr = None if fdr is None else checked_fdr(fdr)
        self.decided = detector.calibration.decides(alpha if fdr is None else fdr)
        self.most_worst, self.most_typical = worst, typical
        self.random = np.random.default_rng(seed)
        normal = np.concatenate(detector.calibration.folds)
        low, high = normal.min(), normal.max()
        margin = max(high - low, 1e-6)
        self.edges = np.linspace(low - 0.25 * margin, high + 1.5 * margin, BINS + 1)
        self.histogram = np.zeros(BINS, np.int64)
        # P-values are multiples of one number: counting them keeps all there is to know of them.
        levels = np.zeros(detector.calibration.count + 1, np.int64)
        self.levels = {name: levels.copy() for name in (OURS, *BASELINES)}
        self.skipped_count = 0
        self.skipped: list[Skipped] = []
        self.worst: Kept | None = None
        self.typical: Kept | None = None
        self.drift = DriftAlarm.of(detector.calibration)

    @property
    def count(self) -> int:
        """The number of images judged so far."""
        return int(self.levels[OURS].sum())

    def judge(self, images: ImageSet) -> DetectionResult:
        """Judge one chunk, remember what matters of it, and return the verdicts."""
        dense = images.dense(self.detector.preprocess)
        result = self.detector.detect(dense, self.alpha)
        for name, p_values in {OURS: result.p_values, **result.baseline_p_values}.items():
            self.levels[name] += self.detector.calibration.level_counts(p_values)
        self.drift.update(result.p_values)
        self.skipped_count += len(result.skipped)
        self.skipped = [*self.skipped, *result.skipped][:MOST_SKIPPED_LISTED]
        self.histogram += np.histogram(np.clip(result.scores, self.edges[0], self.edges[-1]), self.edges)[0]
        self.worst = kept(self.worst, dense, result.scores, self.most_worst)
        self.typical = kept(self.typical, dense, self.random.random(len(dense)), self.most_typical)
        return result if self.fdr is None else replace(result, verdicts=np.full(len(result), UNDETERMINED), fdr=self.fdr)

    def summary(self) -> DetectionSummary:
        """Return what was kept, with pictures of the images that were."""
        calibration, decided = self.detector.calibration, self.decided
        fdr, levels = self.fdr, self.levels.items()
        cuts = {name: self.alpha if fdr is None else discovery_cut(counts, fdr) for name, counts in levels}
        p_values = np.arange(1, calibration.count + 2) / (calibration.count + 1)
        flagged = {name: int(counts[p_values <= cuts[name]].sum()) if decided else 0 for name, counts in levels}
        cut = cuts[OURS]
        promise = calibration.promise(cut) if fdr is None else calibration.discovery_promise(fdr, self.count)

        def pictured(kept: Kept | None) -> DetectionResult:
            shape = (0, self.detector.preprocess.height, self.detector.preprocess.width, self.detector.preprocess.channels)
            images = ImageSet(np.empty(shape, self.detector.preprocess.dtype)) if kept is None else kept.images
            result = self.detector.detect(images, self.alpha, pictures=True)
            verdicts = verdicts_at(result.p_values, cut, decided)
            return replace(result, verdicts=verdicts, alpha=cut, fdr=fdr, promise=promise)

        return DetectionSummary(
            count=self.count,
            flagged=flagged.pop(OURS),
            skipped_count=self.skipped_count,
            undetermined=not decided,
            baseline_flagged=flagged,
            edges=self.edges,
            histogram=self.histogram,
            worst=pictured(self.worst),
            typical=pictured(self.typical),
            alpha=cut,
            fdr=fdr,
            promise=promise,
            threshold=calibration.threshold(cut) if decided and cut else float("inf"),
            skipped=tuple(self.skipped),
            p_value_counts=np.histogram(p_values, P_VALUE_BINS, (0, 1), weights=self.levels[OURS])[0].astype(np.int64),
            drift=self.drift,
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
