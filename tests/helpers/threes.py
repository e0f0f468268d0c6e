"""A tiny detector of threes, and what it finds."""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from sablier.images.imageset import ImageSet, Skipped
from sablier.modelfile import ModelFile
from sablier.report.html import detection_report, evaluation_report
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.evaluate import EvaluationResult, evaluate_detector
from sablier.tasks.detection.result import DetectionResult
from sablier.tasks.detection.summary import DetectionSummary, Summarizer


@dataclass(frozen=True)
class Threes:
    """A detector that takes threes for normal, and images to judge."""

    file: ModelFile
    good: ImageSet
    bad: ImageSet

    @cached_property
    def detector(self) -> Detector:
        return Detector.from_file(self.file)

    def summary(self, images: ImageSet, alpha: float = 0.05) -> DetectionSummary:
        summarizer = Summarizer(self.detector, alpha)
        summarizer.judge(images)
        return summarizer.summary()

    def page(self, summary: DetectionSummary, title: str = "threes: a test") -> str:
        return detection_report(self.file, self.detector, summary, title)

    def evaluation(self, alpha: float = 0.05) -> EvaluationResult:
        return evaluate_detector(self.detector, self.good, self.bad, alpha)

    def evaluation_page(self, result: EvaluationResult) -> str:
        return evaluation_report(self.file, self.detector, result, "threes: an evaluation")

    def empty_summary(self) -> DetectionSummary:
        """Return the summary of a source in which no image could be read."""
        some = self.summary(self.good)
        skipped = (Skipped("broken.png", "truncated"), Skipped("folder/" + 60 * "long-name-" + ".png", "zero bytes"))
        return replace(
            some,
            count=0,
            flagged=0,
            histogram=0 * some.histogram,
            worst=nothing_of(some.worst),
            typical=nothing_of(some.typical),
            baseline_flagged=dict.fromkeys(some.baseline_flagged, 0),
            skipped=skipped,
            skipped_count=2,
        )


def nothing_of(result: DetectionResult) -> DetectionResult:
    """Return the result with none of its images."""

    def none(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: column[:0] for name, column in value.items()}
        return value[:0] if isinstance(value, np.ndarray) else value

    return DetectionResult(**{item.name: none(getattr(result, item.name)) for item in fields(result)})
