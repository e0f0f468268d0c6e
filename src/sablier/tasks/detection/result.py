"""What a detector returns: the verdicts on images."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from sablier.calibration import DiscoveryBound, is_flagged
from sablier.images.imageset import Skipped
from sablier.tasks.known_images import Recognized
from sablier.typing import Array

BASELINES = ("pca", "knn")


@dataclass(frozen=True)
class DetectionResult:
    """The verdicts on N images.

    Args:
        ids: N names.
        scores: N anomaly scores; higher is more anomalous, a normal image is near 0.
        p_values: N conformal p-values: the share of calibration images that score at least as high.
        verdicts: N of "normal", "anomaly", "undetermined"; in a triage of "reject", "review", "pass", "undetermined".
        baseline_scores, baseline_p_values: the same for each baseline, by name.
        alpha: the p-value up to which images are flagged: the false-alarm rate, or with `fdr` the cut of the
            Benjamini-Hochberg procedure, 0 if it flags nothing.
        promise: the guarantee at that rate, in words.
        labels: N labels of the source, or None.
        skipped: images that could not be read.
        images: N,H,W,C pixels in [0, 1] as the model takes them; None unless pictures were asked for.
        reconstructions: N,H,W,C, their reconstructions, likewise.
        anomaly_maps: N,H,W; 1 is the mark level at 5 %.
        recognized: images that trained or calibrated the model, and repeats; None if nobody checked.
        fdr: the false-discovery rate, if one was asked for.
        reject_alpha: the false-alarm rate of rejection in a triage; None without one.
        sizes: N,2 original heights and widths.
        members: N names: the member with the largest contribution to each score; None without members.
        bound: how many of the flagged images are good at most, for all cuts at once; None if it was not asked for.
        frames: N sentences on how the brightness, contrast or colour of the whole image is unusual, or ""; None if no image
            was looked at.
        mark_level: the map value above which a pixel is marked: the one that at most a share alpha of good images exceeds
            anywhere. With `fdr` that of the false-alarm rate beside it, 5 % by default.
        mark_promise: the guarantee on marks, in words.
        measures: N,7 measures, in the order of `sablier.tasks.detection.shift.MEASURES`, that explain a drift; None if no image
            was looked at.
    """

    ids: Array
    scores: Array
    p_values: Array
    verdicts: Array
    baseline_scores: dict[str, Array]
    baseline_p_values: dict[str, Array]
    alpha: float
    promise: str
    labels: Array | None = None
    skipped: tuple[Skipped, ...] = ()
    images: Array | None = None
    reconstructions: Array | None = None
    anomaly_maps: Array | None = None
    fdr: float | None = None
    reject_alpha: float | None = None
    sizes: Array | None = None
    recognized: Recognized | None = None
    members: Array | None = None
    frames: Array | None = None
    bound: DiscoveryBound | None = None
    mark_level: float = 1.0
    mark_promise: str = ""
    measures: Array | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, indices: Array) -> "DetectionResult":
        """Return the verdicts on some of the images, with their pictures."""
        columns = {item.name: getattr(self, item.name) for item in fields(self)}
        chosen: dict[str, Any] = {name: column[indices] for name, column in columns.items() if isinstance(column, np.ndarray)}
        for name in ("baseline_scores", "baseline_p_values"):
            chosen[name] = {key: column[indices] for key, column in columns[name].items()}
        known = self.recognized
        recognized = None if known is None else Recognized(known.known[indices], known.repeats[indices])
        return replace(self, **chosen, recognized=recognized)

    @property
    def flagged(self) -> int:
        """The number of images with the verdict "anomaly", or in a triage "reject" or "review"."""
        return int(np.sum(is_flagged(self.verdicts)))

    def to_table(self) -> list[dict[str, Any]]:
        """Return one row per image."""
        columns: dict[str, Array] = {"id": self.ids, "score": self.scores, "p_value": self.p_values, "verdict": self.verdicts}
        if self.labels is not None:
            columns["label"] = self.labels
        for name in self.baseline_scores:
            columns[f"{name}_score"] = self.baseline_scores[name]
            columns[f"{name}_p_value"] = self.baseline_p_values[name]
        if self.members is not None and self.frames is not None:
            columns |= {"member": self.members, "frame": self.frames}
        if self.recognized is not None:
            columns |= {"known": self.recognized.known, "repeats": self.recognized.repeats}
        lists = {name: column.tolist() for name, column in columns.items()}
        return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]

    def to_json(self) -> dict[str, Any]:
        """Return everything except the pictures."""
        return {
            "alpha": self.alpha,
            "fdr": self.fdr,
            "reject_alpha": self.reject_alpha,
            "promise": self.promise,
            "mark_level": self.mark_level,
            "mark_promise": self.mark_promise,
            "images": len(self),
            "flagged": self.flagged,
            "bound": None if self.bound is None else self.bound.to_json(),
            "skipped": [asdict(item) for item in self.skipped],
            "detections": self.to_table(),
        }
