"""Evaluation: what a detector misses and what it flags wrongly, beside the baselines."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sablier.calibration import UNDETERMINED
from sablier.images.imageset import ImageSet
from sablier.metrics import auroc, auroc_interval, rate_interval, roc_curve
from sablier.tasks.detect import BASELINES, DetectionResult, Detector

Array = NDArray[Any]

MOST_PICTURES = 12


@dataclass(frozen=True)
class Rate:
    """A share of images, with its exact 95 % interval."""

    hits: int
    count: int

    @property
    def value(self) -> float:
        """The share."""
        return self.hits / self.count

    @property
    def interval(self) -> tuple[float, float]:
        """The exact 95 % interval (Clopper and Pearson 1934)."""
        return rate_interval(self.hits, self.count)


@dataclass(frozen=True)
class MethodRow:
    """How one method fares: ours or a baseline, with the same calibration images."""

    method: str
    auroc: float
    auroc_interval: tuple[float, float]
    false_alarms: Rate
    missed: Rate
    roc: tuple[Array, Array]


@dataclass(frozen=True)
class EvaluationResult:
    """A detector measured on images known to be good and known to be bad.

    Args:
        rows: sablier first, then the baselines.
        undetermined: whether too few images calibrate for any verdict at this alpha.
        good, bad: the detections the rows were computed from, without pictures.
        false_alarms: the good images with the highest scores, worst first, with pictures.
        missed: the bad images with the lowest scores, lowest first, with pictures.
        found: the bad images with the highest scores, highest first, with pictures.
    """

    rows: tuple[MethodRow, ...]
    undetermined: bool
    good: DetectionResult
    bad: DetectionResult
    false_alarms: DetectionResult
    missed: DetectionResult
    found: DetectionResult

    def to_table(self) -> list[dict[str, Any]]:
        """Return one row per method, rates and AUROC each with its 95 % interval."""
        return [
            {
                "method": row.method,
                "auroc": row.auroc,
                "auroc_interval": list(row.auroc_interval),
                "false_alarm_rate": row.false_alarms.value,
                "false_alarm_interval": list(row.false_alarms.interval),
                "miss_rate": row.missed.value,
                "miss_interval": list(row.missed.interval),
            }
            for row in self.rows
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the table and the counts behind it."""
        return {
            "alpha": self.good.alpha,
            "promise": self.good.promise,
            "undetermined": self.undetermined,
            "good": len(self.good),
            "bad": len(self.bad),
            "methods": self.to_table(),
        }


def evaluate_detector(detector: Detector, good_images: ImageSet, bad_images: ImageSet, alpha: float) -> EvaluationResult:
    """Judge good and bad images at `alpha` and count what is missed and what is flagged wrongly.

    Raises:
        TooFewImages: where there is no image of either kind.
    """
    good_images, bad_images = good_images.dense(detector.preprocess), bad_images.dense(detector.preprocess)
    good, bad = detector.detect(good_images, alpha), detector.detect(bad_images, alpha)

    def pictured(images: ImageSet, order: Array) -> DetectionResult:
        return detector.detect(images.take(order[:MOST_PICTURES]), alpha, pictures=True)

    rows = [_row("sablier", good, bad, good.scores, bad.scores, good.p_values, bad.p_values)]
    for name in BASELINES:
        scores = good.baseline_scores[name], bad.baseline_scores[name]
        rows.append(_row(name, good, bad, *scores, good.baseline_p_values[name], bad.baseline_p_values[name]))
    return EvaluationResult(
        tuple(rows),
        bool(np.any(good.verdicts == UNDETERMINED)),
        good,
        bad,
        false_alarms=pictured(good_images, np.argsort(-good.scores)),
        missed=pictured(bad_images, np.argsort(bad.scores)),
        found=pictured(bad_images, np.argsort(-bad.scores)),
    )


def _row(
    method: str, good: DetectionResult, bad: DetectionResult, normal: Array, anomalous: Array, p_good: Array, p_bad: Array
) -> MethodRow:
    area = auroc(normal, anomalous)
    decided = not np.any(good.verdicts == UNDETERMINED)
    flagged = int(np.sum(p_good <= good.alpha)) if decided else 0
    missed = int(np.sum(p_bad > bad.alpha)) if decided else len(bad)
    return MethodRow(
        method,
        area,
        auroc_interval(normal, anomalous),
        Rate(flagged, len(good)),
        Rate(missed, len(bad)),
        roc_curve(normal, anomalous),
    )
