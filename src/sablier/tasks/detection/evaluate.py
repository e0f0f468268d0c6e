"""Evaluation of a detector next to the baselines: AUROC, false alarms and misses; with masks, the same of pixels."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from typing import Any

import numpy as np

from sablier.errors import TooFewImages
from sablier.images.chunks import chunk_for
from sablier.images.imageset import ImageSet, Skipped
from sablier.images.masks import at_original_size
from sablier.metrics import PixelCounts, auroc, auroc_interval, roc_curve
from sablier.tasks.detection.judge import Judge
from sablier.tasks.detection.known_words import BY_MISTAKE, known_words
from sablier.tasks.detection.rates import AlphaRow, Rate, rates_by_alpha
from sablier.tasks.detection.result import BASELINES, DetectionResult
from sablier.tasks.known_images import KnownImages, Recognized, Recognizer
from sablier.typing import Array

# Yields the mask of each image of a set, H,W booleans at its original size, or why there is none.
Masks = Callable[[ImageSet], Iterable[Array | Skipped]]
# Is given whether images are bad, the images as they were read, and what was found in those that can be decoded, with pictures.
OnFound = Callable[[bool, ImageSet, DetectionResult], None]

PIXELS_AT_ONCE = 2_000_000  # about a hundred megabytes with intermediate results
ALL_KINDS = "all"


@dataclass(frozen=True)
class MethodRow:
    """The results of one method, sablier or a baseline, with the same calibration images."""

    method: str
    auroc: float
    auroc_interval: tuple[float, float]
    false_alarms: Rate
    missed: Rate
    roc: tuple[Array, Array]


@dataclass(frozen=True)
class PixelRow:
    """How well anomaly maps localise defects, over all pixels of the good images and of the bad ones with a mask.

    Args:
        auroc: the probability that a defective pixel has a higher anomaly score than a good one.
        aupro: the area under the per-region overlap curve, up to 30 % of the good pixels (Bergmann et al. 2020).
        images, regions: the numbers of bad images with a mask, and of connected defects in the masks.
    """

    auroc: float
    aupro: float
    images: int
    regions: int


@dataclass(frozen=True)
class KindRow:
    """The results on one kind of bad images against all good ones; `pixels` if masks show where its defects are."""

    kind: str
    auroc: float
    auroc_interval: tuple[float, float]
    missed: Rate
    pixels: PixelRow | None


@dataclass(frozen=True)
class EvaluationResult:
    """A detector measured on images known to be good and known to be bad.

    Args:
        rows: sablier first, then the baselines.
        undetermined: whether too few images calibrate for a verdict at this alpha.
        good, bad: the detections behind the rows, without pictures.
        kinds: sablier on each kind of bad images, by label; empty without labels.
        pixels: sablier's anomaly maps against the masks of all bad images; None without masks.
        without_mask: the bad images without a mask, and why.
        notes: caveats in sentences, on images that the model knows, and on repeats.
        by_alpha: sablier's false alarms and misses at several false-alarm rates.
    """

    rows: tuple[MethodRow, ...]
    undetermined: bool
    good: DetectionResult
    bad: DetectionResult
    kinds: tuple[KindRow, ...] = ()
    pixels: PixelRow | None = None
    without_mask: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    by_alpha: tuple[AlphaRow, ...] = ()

    def to_table(self) -> list[dict[str, Any]]:
        """Return a row per method on all bad images, then one per kind for sablier; rates and AUROC with 95 % intervals."""
        methods = [self._cells(row.method, ALL_KINDS, row, row.false_alarms, None) for row in self.rows]
        methods[0] = self._cells(self.rows[0].method, ALL_KINDS, self.rows[0], self.rows[0].false_alarms, self.pixels)
        ours = self.rows[0]
        return methods + [self._cells(ours.method, row.kind, row, ours.false_alarms, row.pixels) for row in self.kinds]

    def to_json(self) -> dict[str, Any]:
        """Return the table and the counts behind it."""
        table, methods = self.to_table(), len(self.rows)
        return {
            "alpha": self.good.alpha,
            "promise": self.good.promise,
            "mark_level": self.good.mark_level,
            "mark_promise": self.good.mark_promise,
            "undetermined": self.undetermined,
            "good": len(self.good),
            "bad": len(self.bad),
            "methods": table[:methods],
            "kinds": table[methods:],
            "by_alpha": [row.to_json() for row in self.by_alpha],
            "pixels": None if self.pixels is None else asdict(self.pixels),
            "without_mask": [asdict(item) for item in self.without_mask],
            "notes": list(self.notes),
        }

    @staticmethod
    def _cells(method: str, kind: str, row: MethodRow | KindRow, alarms: Rate, pixels: PixelRow | None) -> dict[str, Any]:
        return {
            "method": method,
            "kind": kind,
            "auroc": row.auroc,
            "auroc_interval": list(row.auroc_interval),
            "false_alarm_rate": alarms.value,
            "false_alarm_interval": list(alarms.interval),
            "miss_rate": row.missed.value,
            "miss_interval": list(row.missed.interval),
            "pixel_auroc": None if pixels is None else pixels.auroc,
            "aupro": None if pixels is None else pixels.aupro,
        }


def evaluate_detector(
    detector: Judge,
    good_images: ImageSet,
    bad_images: ImageSet,
    alpha: float,
    masks: Masks | None = None,
    known: KnownImages | None = None,
    on_found: OnFound | None = None,
) -> EvaluationResult:
    """Score good and bad images at `alpha`, and count misses and false alarms.

    Memory holds the pictures of one chunk of images. Maps are compared with masks at the original size of each image.

    Args:
        detector: scores the images.
        good_images, bad_images: as they were read; the labels of the bad ones are their kinds.
        alpha: the false-alarm rate.
        masks: yields the mask of each bad image, H,W booleans, or why there is none; by default those of the set.
        known: the images that trained or calibrated the detector, for the notes; None searches for none.
        on_found: is given each chunk of images, first of the good ones and then of the bad ones.

    Raises:
        TooFewImages: if there are no good or no bad images.
    """
    masks = masks or masks_in(bad_images)
    good = _judged(
        detector, good_images, alpha, None if masks is None else _no_defects, known, on_found and partial(on_found, False)
    )
    bad = _judged(detector, bad_images, alpha, masks, known, on_found and partial(on_found, True))
    decided = detector.calibration.decides(alpha)
    return EvaluationResult(
        tuple(_method_rows(good.result, bad.result, decided)),
        not decided,
        good.result,
        bad.result,
        kinds=tuple(_kind_rows(good, bad, decided)),
        pixels=_pixel_row(good, list(bad.pixels.values())),
        without_mask=tuple(bad.without_mask),
        notes=(*_notes("good", good.result), *_notes("bad", bad.result)),
        by_alpha=rates_by_alpha(good.result.p_values, bad.result.p_values, detector.calibration, alpha),
    )


def _notes(kind: str, result: DetectionResult) -> Iterator[str]:
    """Yield caveats of the figures on good or bad images."""
    if result.recognized is None:
        return
    known, count = result.recognized.known, len(result)
    words = known_words(int(np.sum(known == "trained")), int(np.sum(known == "calibrated")), count, kind)
    if words:
        yield words
    repeats = int(np.sum(result.recognized.repeats != ""))
    if repeats > BY_MISTAKE * count:
        yield (
            f"{repeats:,} of {count:,} {kind} images repeat an earlier one (bursts, copies). Intervals are those of independent "
            "images: with repeats they are too narrow."
        )


def masks_in(images: ImageSet) -> Masks | None:
    """Return what yields the masks that a set of images has; None where it has none."""
    return None if images.masks is None or not images.masks.any() else own_masks


def own_masks(images: ImageSet) -> Iterator[Array | Skipped]:
    """Yield the masks of the images; an empty mask does not say where a bad image is bad."""
    for id, mask in zip(images.ids.tolist(), images.masks if images.masks is not None else (), strict=True):
        yield mask if mask.any() else Skipped(id, "its mask is black all over")


def _no_defects(images: ImageSet) -> Iterator[Array]:
    return (np.zeros(size, bool) for size in images.sizes.tolist())


@dataclass(frozen=True)
class _Judged:
    """Scored good or bad images: all scores, and pixel counts by label."""

    result: DetectionResult
    pixels: dict[str, PixelCounts]
    without_mask: list[Skipped]


def _judged(
    detector: Judge,
    images: ImageSet,
    alpha: float,
    masks: Masks | None,
    known: KnownImages | None,
    on_found: Callable[[ImageSet, DetectionResult], None] | None,
) -> _Judged:
    recognizer = None if known is None else Recognizer(known, detector.preprocess)
    size = chunk_for(detector.preprocess, pixels=PIXELS_AT_ONCE)
    results: list[DetectionResult] = []
    pixels: defaultdict[str, PixelCounts] = defaultdict(PixelCounts)
    without_mask: list[Skipped] = []
    # Every chunk would repeat what was skipped when the source was read.
    for chunk in replace(images, skipped=()).chunks(size):
        dense = chunk.dense(detector.preprocess)
        found = detector.detect(dense, alpha, pictures=masks is not None or on_found is not None)
        if on_found is not None:
            on_found(chunk, found)
        recognized = None if recognizer is None else recognizer.recognize(dense)
        results.append(replace(found, images=None, reconstructions=None, anomaly_maps=None, recognized=recognized))
        if masks is not None and found.anomaly_maps is not None:
            without_mask += _count(pixels, dense, found.anomaly_maps, masks)
    if not sum(map(len, results)):
        raise TooFewImages("AUROC compares normal images with anomalies: expected at least one of each.")
    result = joined(results)
    return _Judged(
        replace(result, skipped=images.skipped + result.skipped),
        dict(pixels),
        without_mask,
    )


def _count(pixels: defaultdict[str, PixelCounts], images: ImageSet, anomaly_maps: Array, masks: Masks) -> list[Skipped]:
    """Count the pixels of dense images by label; return the images without a mask."""
    without: list[Skipped] = []
    labels = [""] * len(images) if images.labels is None else images.labels.tolist()
    for label, anomaly_map, (height, width), mask in zip(labels, anomaly_maps, images.sizes.tolist(), masks(images), strict=True):
        if isinstance(mask, Skipped):
            without.append(mask)
        else:
            pixels[label].add(at_original_size(anomaly_map, (height, width)), mask)
    return without


def joined(results: Sequence[DetectionResult]) -> DetectionResult:
    """Return the detections of several sets by one detector, at one alpha, as those of one set."""

    def join(values: list[Any]) -> Any:
        if isinstance(values[0], np.ndarray):
            return np.concatenate(values)
        if isinstance(values[0], dict):
            return {name: join([value[name] for value in values]) for name in values[0]}
        if isinstance(values[0], Recognized):
            return Recognized(*(join([getattr(value, item.name) for value in values]) for item in fields(Recognized)))
        return sum(values, ()) if isinstance(values[0], tuple) else values[0]

    return DetectionResult(
        **{item.name: join([getattr(each, item.name) for each in results]) for item in fields(DetectionResult)}
    )


def _method_rows(good: DetectionResult, bad: DetectionResult, decided: bool) -> Iterator[MethodRow]:
    found = [("sablier", good.scores, bad.scores, good.p_values, bad.p_values)]
    for name in BASELINES:
        scores = good.baseline_scores[name], bad.baseline_scores[name]
        found.append((name, *scores, good.baseline_p_values[name], bad.baseline_p_values[name]))
    for method, normal, anomalous, p_good, p_bad in found:
        flagged = int(np.sum(p_good <= good.alpha)) if decided else 0
        yield MethodRow(
            method,
            auroc(normal, anomalous),
            auroc_interval(normal, anomalous),
            Rate(flagged, len(good)),
            _missed(p_bad, bad.alpha, decided),
            roc_curve(normal, anomalous),
        )


def _kind_rows(good: _Judged, bad: _Judged, decided: bool) -> Iterator[KindRow]:
    """Yield a row for each label of the bad images."""
    normal, result = good.result.scores, bad.result
    for kind in [] if result.labels is None else np.unique(result.labels).tolist():
        chosen = result.labels == kind
        yield KindRow(
            kind,
            auroc(normal, result.scores[chosen]),
            auroc_interval(normal, result.scores[chosen]),
            _missed(result.p_values[chosen], result.alpha, decided),
            _pixel_row(good, [bad.pixels[kind]] if kind in bad.pixels else []),
        )


def _missed(p_values: Array, alpha: float, decided: bool) -> Rate:
    return Rate(int(np.sum(p_values > alpha)) if decided else len(p_values), len(p_values))


def _pixel_row(good: _Judged, bad: list[PixelCounts]) -> PixelRow | None:
    """Return the pixel figures of all good images and some kinds of bad ones; None if no bad one has a mask."""
    if not bad:
        return None
    counts = sum([*good.pixels.values(), *bad], PixelCounts())
    return PixelRow(counts.auroc(), counts.aupro(), counts.images, counts.regions)
