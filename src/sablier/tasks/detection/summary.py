"""The summary of a stream of detections, in memory that does not grow with it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sablier.calibration import (
    REJECT,
    UNDETERMINED,
    Calibration,
    DiscoveryBound,
    checked_alpha,
    checked_fdr,
    checked_reject_alpha,
    discovery_cut,
    verdicts_at,
)
from sablier.errors import ConfigError
from sablier.images.imageset import ImageSet, Skipped
from sablier.monitoring import DriftAlarm
from sablier.tasks.detection.batch_counts import BatchCounts, BoundOptions
from sablier.tasks.detection.judge import Judge
from sablier.tasks.detection.known_words import known_words, repeats_words
from sablier.tasks.detection.lots import Lots
from sablier.tasks.detection.result import DetectionResult
from sablier.tasks.detection.shift import Shift
from sablier.tasks.known_images import Recognizing
from sablier.tasks.streaming import MOST_SKIPPED_LISTED, Kept, kept
from sablier.typing import Array

BINS = 60
USUAL_SCORES = (-3.0, 3.0)  # of normal images, in standard deviations, if none calibrate
P_VALUE_BINS = 20
OURS = "sablier"
MOST_FARTHEST = 6  # images with pictures, after a drift alarm
LIKELY_CAUSE = 0.1  # share of images known to the model from which on they explain a drift


@dataclass(frozen=True)
class DetectionSummary:
    """A stream of detections in numbers and pictures.

    Args:
        count, flagged, skipped_count: the numbers of scored, flagged and unreadable images.
        undetermined: whether too few images calibrate for a verdict at this alpha or fdr.
        baseline_flagged: how many images each baseline flags at the same alpha or fdr.
        edges, histogram: BINS+1 edges of score bins and the count in each; the outer bins include all beyond.
        worst: the images with the highest scores, highest first, with pictures; none where they were drawn into a folder.
        typical: an even sample of the stream, with pictures; neither has large photos.
        farthest: the images farthest from the calibration images in all measures of `shift` together, farthest first, with
            pictures; none without a drift alarm, or where there are no typical images.
        alpha, fdr, promise, mark_level, mark_promise: as in a DetectionResult, over the whole stream as one batch.
        threshold: the score above which images are flagged; infinite if none can be.
        skipped: unreadable images, at most 1,000 of them.
        p_value_counts: the number of p-values in each of P_VALUE_BINS even bins from 0 to 1.
        drift: the alarm on the p-values of images that repeat none of the 1,000 before them.
        bound: how many of the flagged images are good at most, for all cuts at once.
        lots: at least how many images of each lot are bad; None without lots.
        shift: what changed, in the last 5,000 images.
        trained, calibrated: the numbers of images that trained the model, or only calibrated it, or nearly copy one that
            did.
        repeats: the number of images that repeat an earlier one.
        reject_alpha: the false-alarm rate of rejection in a triage; None without one.
        rejected: how many images a triage rejects; the other flagged ones are sent to a person.
        other_notes: what else there is to say of the images, in sentences.
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
    farthest: DetectionResult
    alpha: float
    fdr: float | None
    promise: str
    mark_level: float
    mark_promise: str
    threshold: float
    skipped: tuple[Skipped, ...]
    p_value_counts: Array
    drift: DriftAlarm
    bound: DiscoveryBound
    shift: Shift
    lots: Lots | None = None
    trained: int = 0
    calibrated: int = 0
    repeats: int = 0
    reject_alpha: float | None = None
    rejected: int = 0
    other_notes: tuple[str, ...] = ()

    def verdict(self, p_value: float) -> str:
        """Return the verdict on an image of the stream."""
        return str(verdicts_at(np.array([p_value]), self.alpha, not self.undetermined, self.reject_alpha)[0])

    def known_words(self) -> str:
        """Return that the model knows some of the images, and what that means; "" if it knows none."""
        return known_words(self.trained, self.calibrated, self.count)

    def repeats_words(self) -> str:
        """Return that images repeat others, and what follows; "" if none does."""
        return repeats_words(self.repeats, self.count, self.fdr is not None)

    def notes(self) -> list[str]:
        """Return what a person should know of the images besides verdicts and drift."""
        return [note for note in (*self.other_notes, self.known_words(), self.repeats_words()) if note]

    def drift_words(self) -> str:
        """Return the message of the drift alarm, with what changed, and the cause if the model knows many of the images."""
        words = self.drift.words()
        if not self.drift.alarmed:
            return words
        words = f"{words} {self.shift.words()}"
        if self.trained + self.calibrated < LIKELY_CAUSE * self.count:
            return words
        known = self.trained + self.calibrated
        return f"{words} Likely cause: {known:,} of these images trained or calibrated the model; judge fresh images first."

    def drift_note(self) -> str:
        """Return the message of the drift alarm; without its evidence if there is no alarm."""
        if self.drift.alarmed or not self.drift.calibration_count:
            return self.drift_words()
        return f"No sign of drift in {self.drift.count:,} image{'' if self.drift.count == 1 else 's'}."

    def triage_words(self) -> str:
        """Return how many of the flagged images a triage rejects and sends to a person; "" without a triage."""
        if self.reject_alpha is None:
            return ""
        return f": {self.rejected:,} rejected, {self.flagged - self.rejected:,} to review"

    def to_json(self) -> dict[str, Any]:
        """Return the numbers."""
        return {
            "alpha": self.alpha,
            "fdr": self.fdr,
            "reject_alpha": self.reject_alpha,
            "promise": self.promise,
            "mark_level": self.mark_level,
            "mark_promise": self.mark_promise,
            "threshold": self.threshold if np.isfinite(self.threshold) else None,
            "images": self.count,
            "flagged": self.flagged,
            "rejected": self.rejected if self.reject_alpha is not None else None,
            "flagged_by_baselines": self.baseline_flagged,
            "undetermined": self.undetermined,
            "bound": self.bound.to_json(),
            "lots": None if self.lots is None else self.lots.to_json(),
            "drift": {"alarmed": self.drift.alarmed, "evidence": self.drift.evidence, "words": self.drift_words()}
            | self.shift.to_json(),
            "known": {"trained": self.trained, "calibrated": self.calibrated, "words": self.known_words()},
            "repeats": {"images": self.repeats, "words": self.repeats_words()},
            "notes": list(self.other_notes),
            "skipped": [{"id": item.id, "reason": item.reason} for item in self.skipped],
            "skipped_count": self.skipped_count,
        }


class Summarizer:
    """Summarises detections chunk by chunk: counts, the worst images, and an even sample.

    Args:
        detector: scores the images.
        alpha: the false-alarm rate; outside (0, 1) a ConfigError.
        worst, typical: how many images of each kind to keep with pictures.
        reject_alpha: the false-alarm rate of rejection, for a triage; not below alpha a ConfigError.
        fdr: in place of alpha, the false-discovery rate over the whole stream; outside (0, 1) a ConfigError. The verdicts of
            a chunk are then undetermined until the end of the stream: see `DetectionSummary.verdict`.
        bounds: what is bounded of the batch; lots are an error (ConfigError) where no bound is proved. None: the good images
            among the flagged ones.
        recognizer: recognises images that the model knows, and repeats; None searches for neither.
        notes: what else there is to say of the images, in sentences.
    """

    def __init__(
        self,
        detector: Judge,
        alpha: float,
        worst: int = 200,
        typical: int = 12,
        seed: int = 0,
        *,
        reject_alpha: float | None = None,
        fdr: float | None = None,
        bounds: BoundOptions | None = None,
        recognizer: Recognizing | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.recognizer, self.notes = recognizer, notes
        self.known, self.repeats = Counter[str](), 0
        self.detector, self.alpha = detector, checked_alpha(alpha)
        self.fdr = None if fdr is None else checked_fdr(fdr)
        self.reject_alpha = None if reject_alpha is None else checked_reject_alpha(reject_alpha, alpha)
        if self.fdr is not None and self.reject_alpha is not None:
            raise ConfigError("expected a false-discovery rate or a triage by two false-alarm rates, got both.")
        self.rejected = 0
        self.decided = detector.calibration.decides(alpha if fdr is None else fdr)
        self.most_worst, self.most_typical = worst, typical
        self.random = np.random.default_rng(seed)
        self.edges = edges_around(detector.calibration)
        self.histogram = np.zeros(BINS, np.int64)
        # The Benjamini-Hochberg procedure needs only the counts of p-values as rounded-up multiples of one number.
        levels = np.zeros(detector.calibration.groups + 1, np.int64)
        self.flagged = dict.fromkeys((OURS, *detector.baseline_calibrations), 0)
        self.p_value_counts = np.zeros(P_VALUE_BINS, np.int64)
        self.levels = {name: levels.copy() for name in self.flagged}
        self.skipped_count = 0
        self.skipped: list[Skipped] = []
        self.worst: Kept | None = None
        self.typical: Kept | None = None
        self.batch = BatchCounts(detector.calibration, bounds or BoundOptions())
        self.farthest: Kept | None = None
        self.drift, self.shift = DriftAlarm.of(detector.calibration), Shift(detector.usual)

    @property
    def count(self) -> int:
        """The number of images scored so far."""
        return int(self.levels[OURS].sum())

    def judge(self, images: ImageSet) -> DetectionResult:
        """Score one chunk, update the summary, and return the verdicts."""
        dense = images.dense(self.detector.preprocess)
        result = self.detector.detect(dense, self.alpha, reject_alpha=self.reject_alpha, confidence=None)
        if self.recognizer is not None and len(dense):
            result = replace(result, recognized=self.recognizer.recognize(dense))
        return self.add(result, dense)

    def add(self, result: DetectionResult, images: ImageSet) -> DetectionResult:
        """Add the detections of N images, by this detector at these rates, to the summary; return the verdicts.

        Args:
            result: the detections.
            images: the N images, of which the summary keeps a few.
        """
        self.rejected += int(np.sum(result.verdicts == REJECT))
        for name, p_values in {OURS: result.p_values, **result.baseline_p_values}.items():
            self.levels[name] += self.detector.calibration.level_counts(p_values)
            self.flagged[name] += int(np.sum(p_values <= self.alpha))
        self.p_value_counts += np.histogram(result.p_values, P_VALUE_BINS, (0, 1))[0]
        if result.recognized is not None:
            self.known.update(result.recognized.known.tolist())
            self.repeats += int(np.sum(result.recognized.repeats != ""))
        self.drift.update(independent(result))
        self.batch.update(images, result)
        if result.measures is not None:
            self.shift.add(result.measures, result.ids.tolist())
            if self.detector.usual is not None:
                distances = self.detector.usual.distances(result.measures)
                self.farthest = kept(self.farthest, images, distances, min(MOST_FARTHEST, self.most_typical))
        self.skipped_count += len(result.skipped)
        self.skipped = [*self.skipped, *result.skipped][:MOST_SKIPPED_LISTED]
        self.histogram += np.histogram(np.clip(result.scores, self.edges[0], self.edges[-1]), self.edges)[0]
        self.worst = kept(self.worst, images, result.scores, self.most_worst)
        self.typical = kept(self.typical, images, self.random.random(len(images)), self.most_typical)
        return result if self.fdr is None else replace(result, verdicts=np.full(len(result), UNDETERMINED), fdr=self.fdr)

    def shown(self) -> list[str]:
        """Return the ids of the images that the summary shows, if it is made now."""
        shown = [self.worst, self.typical, self.farthest if self.drift.alarmed else None]
        return [id for each in shown if each is not None for id in each.images.ids.tolist()]

    def show(self, images: Mapping[str, ImageSet]) -> None:
        """Replace the images that the summary shows by others of the same ids, each a set of one; leave out those without."""

        def replaced(before: Kept | None) -> Kept | None:
            found = [] if before is None else [images[id] for id in before.images.ids.tolist() if id in images]
            return Kept(ImageSet.concatenate(found), np.empty(0)) if found else None

        self.worst, self.typical, self.farthest = replaced(self.worst), replaced(self.typical), replaced(self.farthest)

    def summary(self) -> DetectionSummary:
        """Return the summary, with pictures."""
        calibration, decided = self.detector.calibration, self.decided
        fdr, levels = self.fdr, self.levels.items()
        cuts = {name: self.alpha if fdr is None else discovery_cut(counts, fdr) for name, counts in levels}
        p_values = np.arange(1, calibration.groups + 2) / (calibration.groups + 1)
        discovered = {name: int(counts[p_values <= cuts[name]].sum()) for name, counts in levels}
        flagged = {name: count if decided else 0 for name, count in (self.flagged if fdr is None else discovered).items()}
        cut = cuts[OURS]
        reject = self.reject_alpha
        bound = self.batch.bound(cut if decided else 0.0)
        promise = self.detector.promise(cut, reject) if fdr is None else calibration.discovery_promise(fdr, self.count)

        def pictured(kept: Kept | None) -> DetectionResult:
            shape = (0, self.detector.preprocess.height, self.detector.preprocess.width, self.detector.preprocess.channels)
            images = ImageSet(np.empty(shape, self.detector.preprocess.dtype)) if kept is None else kept.images
            result = self.detector.detect(images, self.alpha, pictures=True, confidence=None)
            verdicts = verdicts_at(result.p_values, cut, decided, reject)
            return replace(result, verdicts=verdicts, alpha=cut, fdr=fdr, reject_alpha=reject, promise=promise, bound=bound)

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
            farthest=pictured(self.farthest if self.drift.alarmed else None),
            alpha=cut,
            fdr=fdr,
            reject_alpha=reject,
            rejected=self.rejected,
            promise=promise,
            mark_level=self.detector.mark_level(self.alpha),
            mark_promise=self.detector.mark_promise(self.alpha),
            threshold=calibration.threshold(cut) if decided and cut else float("inf"),
            skipped=tuple(self.skipped),
            p_value_counts=self.p_value_counts.copy(),
            drift=self.drift,
            bound=bound,
            lots=self.batch.lots(cut if decided else 0.0),
            shift=self.shift,
            trained=self.known["trained"],
            calibrated=self.known["calibrated"],
            repeats=self.repeats,
            other_notes=self.notes,
        )


def edges_around(calibration: Calibration) -> Array:
    """Return the edges of 60 bins around the scores of normal images, with room for what scores higher."""
    normal = np.concatenate(calibration.folds) if calibration.count else np.array(USUAL_SCORES)
    low, high = normal.min(), normal.max()
    margin = max(high - low, 1e-6)
    return np.linspace(low - 0.25 * margin, high + 1.5 * margin, BINS + 1)


def independent(result: DetectionResult) -> Array:
    """Return the p-values of the images that repeat no earlier one, for the drift alarm."""
    return result.p_values if result.recognized is None else result.p_values[result.recognized.repeats == ""]
