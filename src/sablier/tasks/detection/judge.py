"""`Judge`: from anomaly scores to verdicts. Networks of torch score images, or an exported graph, or another tool."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from sablier.calibration import (
    CONFIDENCE,
    Calibration,
    DiscoveryBound,
    cut_counts,
    discovery_bound,
    discovery_cut,
    mark_promise,
    triage_promise,
    verdicts_at,
)
from sablier.errors import ImagesError
from sablier.images.imageset import ImageSet
from sablier.images.pixel_rule import PixelRule
from sablier.tasks.detection.result import BASELINES, DetectionResult
from sablier.tasks.detection.shift import UsualMeasures
from sablier.tasks.detection.whole_frame import WholeFrame, measured
from sablier.typing import Array

MAP = "map"  # the name under which a model file keeps the calibration of map maxima


@dataclass(frozen=True)
class FoldScores:
    """The scores of N images by F scorers.

    Args:
        scores: N,F anomaly scores; higher is more anomalous.
        contributions: N,M, of each of M members to the mean score.
        baselines: N,F scores of each baseline, by name.
        anomaly_maps: N,H,W in the unit of `Judge.map_unit`, 0 where pixels are ignored; None unless asked for.
        reconstructions: N,H,W,C in [0, 1]; None unless asked for, or if no member reconstructs.
    """

    scores: Array
    contributions: Array
    baselines: dict[str, Array]
    anomaly_maps: Array | None = None
    reconstructions: Array | None = None

    def take(self, indices: Array) -> "FoldScores":
        """Return the scores of some of the images."""
        return FoldScores(
            self.scores[indices],
            self.contributions[indices],
            {name: scores[indices] for name, scores in self.baselines.items()},
            None if self.anomaly_maps is None else self.anomaly_maps[indices],
            None if self.reconstructions is None else self.reconstructions[indices],
        )


@dataclass(frozen=True)
class NetworkFacts:
    """What a report tells of the network of a member.

    Args:
        words: its name and how many parameters it has.
        size: height and width of the images for which its layers are listed.
        layers: name, kind, shape of the output and number of parameters of each.
    """

    words: str
    size: tuple[int, int]
    layers: tuple[tuple[str, str, str, int], ...]


class Judge(ABC):
    """Turns scores into p-values and verdicts at a chosen false-alarm rate.

    Attributes:
        calibration: the mean scores of normal images; for cross-conformal folds, those of each scorer.
        baseline_calibrations: the same for each baseline, by name.
        map_calibration: the largest map values of normal images, before division by `map_unit`, in the folds of `calibration`;
            None in files of earlier versions.
        map_unit: the mark level at 5 %, which is 1 in the unit of anomaly maps.
        frame: the range of brightness, contrast and colour of normal images; None where images are not looked at.
        usual: the measures of normal images that explain a drift; None in files that do not have them.
    """

    calibration: Calibration
    baseline_calibrations: dict[str, Calibration]
    map_calibration: Calibration | None
    map_unit: float
    frame: WholeFrame | None
    usual: UsualMeasures | None = None

    @property
    @abstractmethod
    def preprocess(self) -> PixelRule:
        """The size, channels and value range that images get before they are scored."""

    @property
    @abstractmethod
    def member_kinds(self) -> tuple[str, ...]:
        """The kinds of the M members."""

    @property
    @abstractmethod
    def scorer_count(self) -> int:
        """How many scorers there are: one, or one per cross-conformal fold."""

    @abstractmethod
    def network_facts(self) -> dict[str, NetworkFacts]:
        """Return what a report tells of the networks, by the kind of member that has one."""

    @abstractmethod
    def appearance(self, dense: ImageSet) -> Array | None:
        """Return N,D,h,w features of places of dense images, in which defects that look alike are near; None without any."""

    @abstractmethod
    def scored(self, dense: ImageSet, pictures: bool) -> FoldScores:
        """Return the scores of dense images; with `pictures` anomaly maps and reconstructions, too."""

    def detect(
        self,
        images: ImageSet,
        alpha: float = 0.05,
        pictures: bool = False,
        *,
        fdr: float | None = None,
        reject_alpha: float | None = None,
        confidence: float | None = CONFIDENCE,
    ) -> DetectionResult:
        """Score images and flag anomalous ones.

        Args:
            images: the images.
            alpha: the false-alarm rate: the share of good images that may be flagged.
            pictures: whether to keep the pixels, reconstructions and anomaly maps.
            fdr: in place of `alpha`, the false-discovery rate: the share of good images among the flagged ones of the batch.
            reject_alpha: a smaller one, for a triage: images up to it are rejected, up to `alpha` sent to a person, or pass.
            confidence: of the bound on good images among the flagged ones; one image of each group counts. None: no bound.

        Returns:
            Scores, p-values and verdicts.

        Raises:
            ConfigError: if a rate or the confidence is not between 0 and 1, or `reject_alpha` is not below `alpha`.
            ImagesError: if the model does not take the images.
        """
        dense = images.dense(self.preprocess)
        return self.judged(dense, self.scored(dense, pictures), alpha, fdr=fdr, reject_alpha=reject_alpha, confidence=confidence)

    def judged(
        self,
        dense: ImageSet,
        found: FoldScores,
        alpha: float = 0.05,
        *,
        fdr: float | None = None,
        reject_alpha: float | None = None,
        confidence: float | None = CONFIDENCE,
    ) -> DetectionResult:
        """Return the verdicts on dense images that were scored before; else as `detect`."""
        scores = mean_of_folds(found.scores)
        p_values = self.calibration.p_values(score_columns(self.calibration, found.scores))
        cut = alpha if fdr is None else discovery_cut(self.calibration.level_counts(p_values), fdr)
        measures = None if self.frame is None else measured(dense, self.preprocess)
        frames = None if self.frame is None or measures is None else self.frame.notes(measures)
        return DetectionResult(
            ids=dense.ids,
            scores=scores,
            p_values=p_values,
            verdicts=verdicts_at(p_values, cut, self.calibration.decides(alpha if fdr is None else fdr), reject_alpha),
            baseline_scores={name: mean_of_folds(scores) for name, scores in found.baselines.items()},
            baseline_p_values={
                name: own.p_values(score_columns(own, found.baselines[name])) for name, own in self.baseline_calibrations.items()
            },
            alpha=cut,
            promise=self.promise(alpha, reject_alpha) if fdr is None else self.calibration.discovery_promise(fdr, len(dense)),
            mark_level=self.mark_level(alpha),
            mark_promise=self.mark_promise(alpha),
            labels=dense.labels,
            skipped=dense.skipped,
            images=None if found.anomaly_maps is None else self.preprocess.to_unit(dense.array),
            reconstructions=found.reconstructions,
            anomaly_maps=self._evened(found.anomaly_maps, frames),
            fdr=fdr,
            reject_alpha=reject_alpha,
            sizes=dense.sizes,
            members=np.array(self.member_kinds)[found.contributions.argmax(axis=1)] if self.member_kinds else None,
            frames=frames,
            bound=None if confidence is None else self._bound(dense, scores, cut, confidence),
            measures=None if measures is None else all_measures(measures, dense, scores),
        )

    def _bound(self, dense: ImageSet, scores: Array, cut: float, confidence: float) -> DiscoveryBound:
        """Return the bound on good images among those flagged at `cut`."""
        groups = np.arange(len(dense)) if dense.groups is None else dense.groups
        first = np.unique(groups, return_index=True)[1]
        counts, grouped = cut_counts(self.calibration, scores[first]), dense.given_groups is not None
        return discovery_bound(self.calibration, counts, cut, confidence, images=len(dense), grouped=grouped)

    def _evened(self, anomaly_maps: Array | None, frames: Array | None) -> Array | None:
        """Return the maps minus what is high everywhere in unusual frames, which never adds a mark."""
        if anomaly_maps is None or self.frame is None or frames is None:
            return anomaly_maps
        return self.frame.evened(anomaly_maps, frames, self.preprocess.kept)

    def promise(self, alpha: float, reject_alpha: float | None = None) -> str:
        """Return the guarantee at a false-alarm rate in plain words; with `reject_alpha` that of a triage."""
        if reject_alpha is None:
            return self.calibration.promise(alpha)
        return triage_promise(self.calibration, reject_alpha, alpha)

    def mark_promise(self, alpha: float) -> str:
        """Return the guarantee on marks at a false-alarm rate in plain words; "" for a judge without maps."""
        return mark_promise(self.map_calibration, alpha)

    def mark_level(self, alpha: float) -> float:
        """Return the value of anomaly maps above which a pixel is marked at a false-alarm rate.

        It is the ceil((n + 1)(1 - alpha))-th smallest of the largest map values of n normal images, where a group counts once. A
        good image exceeds it anywhere with a probability of at most alpha. Where the values are not known, or too few, it is 1.
        """
        maxima = self.map_calibration
        if maxima is None or not maxima.decides(alpha):
            return 1.0
        # Rounded as maps are, so that a map value equal to a calibration image's stays equal.
        return float(np.float32(np.float32(maxima.threshold(alpha)) / np.float32(self.map_unit)))


def score_columns(calibration: Calibration, scores: Array) -> Array:
    """Return N,F scores as a calibration takes them: one column per fold, or the mean of all scorers for a split."""
    return scores if calibration.crossed else mean_of_folds(scores)[:, None]


def mean_of_folds(scores: Array) -> Array:
    """Return the means of N,F scores, added in the order of the folds."""
    return np.asarray(np.mean(list(scores.T), axis=0))


def all_measures(measures: Array, images: ImageSet, scores: Array) -> Array:
    """Return N,7 measures in the order of `shift.MEASURES`, given what `measured` returns of images and their scores."""
    return np.column_stack([measures, images.sizes[:, ::-1], scores])


def calibrated_parts(config: Mapping[str, Any], tensors: Mapping[str, Array]) -> dict[str, Any]:
    """Return the attributes of a `Judge`, given the part "calibration" of a model file.

    Raises:
        KeyError: if something is missing.
        ImagesError: if it is not a calibration.
    """

    def of(name: str) -> dict[str, Array]:
        return {key.removeprefix(f"{name}/"): value for key, value in tensors.items() if key.startswith(f"{name}/")}

    def calibration(name: str) -> Calibration:
        return Calibration.from_tensors(of(name), config["folds"], bool(config["found"]))

    found = calibration("model")
    maxima = calibration(MAP) if f"{MAP}/0" in tensors or not config["folds"] else None
    if maxima is not None and (maxima.count, maxima.groups) != (found.count, found.groups):
        raise ImagesError(f"expected map maxima of the {found.size} that calibrate, got those of {maxima.size}.")
    return {
        "calibration": found,
        "baseline_calibrations": {name: calibration(name) for name in BASELINES},
        "map_calibration": maxima,
        "map_unit": float(config["map_unit"]),
        "frame": WholeFrame(*(tensors[f"frame/{item.name}"] for item in fields(WholeFrame))),
        "usual": UsualMeasures.from_tensors(of("usual")),
    }
