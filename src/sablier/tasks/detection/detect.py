"""Detection: which images do not belong, at a false-alarm rate the user chooses."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from os import PathLike
from typing import Any

import numpy as np

from sablier.backbones import BackboneFile
from sablier.calibration import ANOMALY, Calibration, discovery_cut, verdicts_at
from sablier.errors import BackboneError, ModelFileError, PackageError
from sablier.images.grouping import group_numbers, sizes_of_groups
from sablier.images.imageset import ImageSet, Skipped
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile, Part
from sablier.tasks.detection.members import MEMBERS
from sablier.tasks.detection.named_backbone import checked_backbone
from sablier.tasks.detection.scorer import Scorer, Scores, score_together
from sablier.tasks.detection.whole_frame import WholeFrame, measured, median_anomaly
from sablier.tasks.known_images import Recognized
from sablier.typing import Array

TASK = "detect"
BASELINES = ("pca", "knn")
CALIBRATED_AT_ONCE = 64
MAP_ALPHA = 0.05  # a map reaches 1 somewhere in 5 % of good images


@dataclass(frozen=True)
class DetectionResult:
    """The verdicts on N images.

    Args:
        ids: N names.
        scores: N anomaly scores; higher is worse, a normal image is near 0.
        p_values: N conformal p-values: the share of normal images at least as strange.
        verdicts: N of "normal", "anomaly", "undetermined".
        baseline_scores, baseline_p_values: the same by each baseline, by name.
        alpha: the p-value at or below which an image is flagged: the false-alarm rate asked for, or, with `fdr`, what
            Benjamini and Hochberg's procedure found; 0 where it flags nothing.
        promise: what holds at that rate, in words.
        labels: N labels of the source, where it has any.
        skipped: images that could not be read.
        images: N,H,W,C pixels in [0, 1] as the model saw them; None unless pictures were asked for.
        reconstructions: the same of what the model made of them.
        anomaly_maps: N,H,W; 1 is what some place of a good image reaches in 5 % of them.
        recognized: which images trained or calibrated the model, and which repeat an earlier one; None where nobody looked.
        fdr: the false-discovery rate asked for, if one was: the share of good images among the flagged.
        sizes: N,2 heights and widths of the images as they came.
        members: N kinds: the member from which most of the score of an image comes.
        frames: N sentences: how brightness, contrast or colour of the whole image differ from good images; "" where they do not.
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
    sizes: Array | None = None
    recognized: Recognized | None = None
    members: Array | None = None
    frames: Array | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def flagged(self) -> int:
        """The number of images with the verdict "anomaly"."""
        return int(np.sum(self.verdicts == ANOMALY))

    def to_table(self) -> list[dict[str, Any]]:
        """Return one row per image."""
        columns: dict[str, Array] = {"id": self.ids, "score": self.scores, "p_value": self.p_values, "verdict": self.verdicts}
        if self.labels is not None:
            columns["label"] = self.labels
        for name in BASELINES:
            columns[f"{name}_score"] = self.baseline_scores[name]
            columns[f"{name}_p_value"] = self.baseline_p_values[name]
        if self.members is not None and self.frames is not None:
            columns |= {"member": self.members, "frame": self.frames}
        if self.recognized is not None:
            columns |= {"known": self.recognized.known, "repeats": self.recognized.repeats}
        lists = {name: column.tolist() for name, column in columns.items()}
        return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]

    def to_json(self) -> dict[str, Any]:
        """Return everything but the pictures."""
        return {
            "alpha": self.alpha,
            "fdr": self.fdr,
            "promise": self.promise,
            "images": len(self),
            "flagged": self.flagged,
            "skipped": [asdict(item) for item in self.skipped],
            "detections": self.to_table(),
        }


@dataclass(frozen=True)
class Detector:
    """Scorers, and what their scores of normal images promise.

    Args:
        scorers: one, or one per cross-conformal fold; the score of an image is the mean of theirs.
        calibration: the scores of normal images: one array of the mean score, or one per scorer for folds.
        baseline_calibrations: the same for each baseline.
        map_unit: the anomaly score that some place of a normal image reaches in 5 % of them.
        frame: what normal images are like as a whole.
    """

    scorers: tuple[Scorer, ...]
    calibration: Calibration
    baseline_calibrations: dict[str, Calibration]
    map_unit: float
    frame: WholeFrame

    @classmethod
    def calibrated(cls, scorers: tuple[Scorer, ...], normals: tuple[ImageSet, ...]) -> "Detector":
        """Return a detector calibrated on dense normal images.

        Args:
            scorers: fitted scorers.
            normals: one set that no scorer was fitted on, for a split; or one set per scorer, each of images that only
                this scorer was not fitted on, for cross-conformal folds.
        """
        judges = [scorers] if len(normals) == 1 else [(scorer,) for scorer in scorers]
        found: list[dict[str, Array]] = []
        peaks, frames = [], []
        for judging, images in zip(judges, normals, strict=True):
            rows = []
            for start in range(0, len(images), CALIBRATED_AT_ONCE):  # maps of all of them would fill the memory
                part = images.take(np.arange(start, min(start + CALIBRATED_AT_ONCE, len(images))))
                scores = _mean(*score_together(judging, part, pictures=True))
                rows.append({"model": scores.scores, **scores.baselines})
                anomaly_map = _anomaly_map(scores)
                peaks.append(anomaly_map.max(axis=(1, 2)))
                frames.append((measured(part, scorers[0].preprocess), median_anomaly(anomaly_map)))
            found.append({name: np.concatenate([row[name] for row in rows]) for name in ("model", *BASELINES)})
        grouped = sizes_in(normals)
        calibrations = {name: Calibration(tuple(scores[name] for scores in found), **grouped) for name in ("model", *BASELINES)}
        measures, medians = (np.concatenate(each) for each in zip(*frames, strict=True))
        map_unit = max(_usual_peak(np.concatenate(peaks), grouped.get("sizes")), 1e-12)
        frame = WholeFrame.of(measures, medians / map_unit)
        return cls(scorers, calibrations.pop("model"), calibrations, map_unit, frame)

    @property
    def preprocess(self) -> Preprocess:
        """What is done to every image before it is scored."""
        return self.scorers[0].preprocess

    def detect(
        self, images: ImageSet, alpha: float = 0.05, pictures: bool = False, *, fdr: float | None = None
    ) -> DetectionResult:
        """Judge images.

        Args:
            images: what to judge.
            alpha: the false-alarm rate: the share of good images that may be flagged.
            pictures: whether to keep what the model saw, what it made of it, and anomaly maps.
            fdr: in place of alpha, the false-discovery rate: the share of good images among the flagged, over these images
                as one batch.

        Raises:
            ConfigError: for an alpha or fdr outside (0, 1).
            ImagesError: for images the model does not take.
        """
        dense = images.dense(self.preprocess)
        each = score_together(self.scorers, dense, pictures)
        mean, frames = _mean(*each), self.frame.notes(dense, self.preprocess)
        p_values = self.calibration.p_values(score_columns(self.calibration, [scores.scores for scores in each]))
        if fdr is None:
            cut, promise = alpha, self.calibration.promise(alpha)
        else:
            cut = discovery_cut(self.calibration.level_counts(p_values), fdr)
            promise = self.calibration.discovery_promise(fdr, len(dense))
        return DetectionResult(
            ids=dense.ids,
            scores=mean.scores,
            p_values=p_values,
            verdicts=verdicts_at(p_values, cut, self.calibration.decides(alpha if fdr is None else fdr)),
            baseline_scores=mean.baselines,
            baseline_p_values={
                name: calibration.p_values(score_columns(calibration, [scores.baselines[name] for scores in each]))
                for name, calibration in self.baseline_calibrations.items()
            },
            alpha=cut,
            promise=promise,
            labels=dense.labels,
            skipped=dense.skipped,
            images=self.preprocess.to_unit(dense.array) if pictures else None,
            reconstructions=mean.reconstructions,
            anomaly_maps=self.frame.evened(_anomaly_map(mean) / self.map_unit, frames) if pictures else None,
            fdr=fdr,
            sizes=dense.sizes,
            members=np.array([member.kind for member in self.scorers[0].members])[mean.contributions.argmax(axis=1)],
            frames=frames,
        )

    def parts(self) -> dict[str, Part]:
        """Return the parts a model file keeps."""
        parts: dict[str, Part] = {}
        for member in self.scorers[0].members:
            parts |= {f"shared/{member.kind}/{name}": part for name, part in member.shared_parts().items()}
        for index, scorer in enumerate(self.scorers):
            parts |= scorer.parts(f"fold-{index}/")
        kept = {"model": self.calibration, **self.baseline_calibrations}
        tensors = {f"{name}/{key}": value for name, each in kept.items() for key, value in each.tensors().items()}
        tensors |= {f"frame/{key}": value for key, value in self.frame.tensors().items()}
        config = {"map_unit": self.map_unit, "folds": len(self.calibration.folds), "found": self.calibration.found}
        parts["calibration"] = Part("conformal", config, tensors)
        return parts

    @classmethod
    def from_file(cls, file: ModelFile, backbone: str | PathLike[str] | None = None, *, scores: bool = False) -> "Detector":
        """Return the detector a model file keeps.

        Args:
            backbone: the file of the feature network that it was trained with, if that was one of the user's own. It is a
                program, and is loaded here; without it such a detector knows its promise, but scores nothing.
            scores: whether it is going to score images, so that it is refused without a backbone that it needs.

        Raises:
            ModelFileError: where the file keeps something else.
            BackboneError: where the backbone is lacking, another, or not needed.
        """
        if file.task != TASK:
            raise ModelFileError(f"expected a model that detects, got one trained to {file.task}. Train one with: sablier train")
        named = checked_backbone(file, backbone, needed=scores)
        if any(name.startswith("member-") for name in file.parts):
            raise ModelFileError(
                "expected parts named fold-0 and so on, got member-0, of an early version. Train the model again."
            )
        try:
            folds = sum(name.startswith("fold-") and name.endswith("/fusion") for name in file.parts)
            kept = file.parts["calibration"]
            if not folds or kept.config["folds"] not in (1, folds):
                raise ValueError(f"{folds} folds and {kept.config['folds']} sets of calibration scores")
            shared = _shared(file, named)

            def calibration(name: str) -> Calibration:
                own = {key.removeprefix(f"{name}/"): value for key, value in kept.tensors.items() if key.startswith(f"{name}/")}
                return Calibration.from_tensors(own, kept.config["folds"], bool(kept.config["found"]))

            return cls(
                tuple(Scorer.from_parts(file.parts, f"fold-{index}/", file.preprocess, shared) for index in range(folds)),
                calibration("model"),
                {name: calibration(name) for name in BASELINES},
                float(kept.config["map_unit"]),
                WholeFrame(*(kept.tensors[f"frame/{item.name}"] for item in fields(WholeFrame))),
            )
        except (BackboneError, PackageError):
            raise
        except (KeyError, TypeError, ValueError, IndexError, RuntimeError) as error:
            raise ModelFileError(f"the model file lacks a part of a detector: {error}. Train it again.") from error


def _shared(file: ModelFile, backbone: BackboneFile | None) -> dict[str, Any]:
    """Return what members of all folds share, by kind; `backbone` is the file that was named, and is the right one."""
    found: dict[str, dict[str, Part]] = {}
    for name, part in file.parts.items():
        room, kind, own = (*name.split("/", 2), "", "")[:3]
        if room == "shared" and kind in MEMBERS:
            found.setdefault(kind, {})[own] = part
    return {kind: MEMBERS[kind].from_shared_parts(parts, file.preprocess, backbone) for kind, parts in found.items()}


def sizes_in(normals: Sequence[ImageSet]) -> dict[str, Any]:
    """Return how a calibration on sets of images counts their groups: the sizes of these, and whether some were found."""
    if all(images.groups is None for images in normals):
        return {}
    sizes = tuple(sizes_of_groups(group_numbers(images)) for images in normals)
    if any(images.given_groups is None for images in normals):
        return {"sizes": sizes, "found": True}
    given = tuple(sizes_of_groups(np.asarray(images.given_groups)) for images in normals)
    found = any(not np.array_equal(*pair) for pair in zip(sizes, given, strict=True))
    return {"sizes": sizes, "given_sizes": given if found else None, "found": found}


def _usual_peak(peaks: Array, sizes: tuple[Array, ...] | None) -> float:
    """Return what the highest place of a normal image reaches in 5 % of them; a group has one say, as in p-values."""
    if sizes is None:
        return float(np.quantile(peaks, 1 - MAP_ALPHA))
    order = np.argsort(peaks)
    shares = np.cumsum(1 / np.concatenate(sizes)[order])
    return float(peaks[order[np.searchsorted(shares, (1 - MAP_ALPHA) * shares[-1])]])


def score_columns(calibration: Calibration, scores: Sequence[Array]) -> Array:
    """Return N,K scores as a calibration takes them: one column per fold, or the mean of all scorers for a split."""
    stacked = np.stack(scores, axis=1)
    return stacked if calibration.crossed else stacked.mean(axis=1, keepdims=True)


def _mean(*scores: Scores) -> Scores:
    """Return the mean of what several scorers say of the same images."""

    def mean(arrays: list[Array | None]) -> Array | None:
        present = [array for array in arrays if array is not None]
        return np.mean(present, axis=0) if present else None

    return Scores(
        np.mean([each.scores for each in scores], axis=0),
        np.mean([each.contributions for each in scores], axis=0),
        {name: np.mean([each.baselines[name] for each in scores], axis=0) for name in BASELINES},
        mean([each.anomaly_maps for each in scores]),
        mean([each.reconstructions for each in scores]),
    )


def _anomaly_map(scores: Scores) -> Array:
    if scores.anomaly_maps is None:
        raise ValueError("anomaly maps were not asked for.")
    return scores.anomaly_maps
