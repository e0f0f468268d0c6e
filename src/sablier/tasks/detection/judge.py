"""`Judge`: from anomaly scores to verdicts. Networks of torch score images, or an exported graph, or another tool."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from sablier.calibration import Calibration, discovery_cut, triage_promise, verdicts_at
from sablier.images.imageset import ImageSet
from sablier.images.pixel_rule import PixelRule
from sablier.tasks.detection.result import BASELINES, DetectionResult
from sablier.tasks.detection.whole_frame import WholeFrame
from sablier.typing import Array


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
        map_unit: the map value that the highest pixel of a normal image reaches in 5 % of them.
        frame: the range of brightness, contrast and colour of normal images; None where images are not looked at.
    """

    calibration: Calibration
    baseline_calibrations: dict[str, Calibration]
    map_unit: float
    frame: WholeFrame | None

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
    ) -> DetectionResult:
        """Score images and flag anomalous ones.

        Args:
            images: the images.
            alpha: the false-alarm rate: the share of good images that may be flagged.
            pictures: whether to keep the pixels, reconstructions and anomaly maps.
            fdr: in place of `alpha`, the false-discovery rate: the share of good images among the flagged ones of this
                batch.
            reject_alpha: a smaller false-alarm rate, for a triage: images up to it are rejected, those up to `alpha` are
                sent to a person, the others pass.

        Returns:
            Scores, p-values and verdicts.

        Raises:
            ConfigError: if a rate is not between 0 and 1, or `reject_alpha` is not below `alpha`.
            ImagesError: if the model does not take the images.
        """
        dense = images.dense(self.preprocess)
        found = self.scored(dense, pictures)
        p_values = self.calibration.p_values(score_columns(self.calibration, found.scores))
        if fdr is None:
            cut, promise = alpha, self.promise(alpha, reject_alpha)
        else:
            cut = discovery_cut(self.calibration.level_counts(p_values), fdr)
            promise = self.calibration.discovery_promise(fdr, len(dense))
        frames, maps = self._framed(dense, found.anomaly_maps)
        return DetectionResult(
            ids=dense.ids,
            scores=mean_of_folds(found.scores),
            p_values=p_values,
            verdicts=verdicts_at(p_values, cut, self.calibration.decides(alpha if fdr is None else fdr), reject_alpha),
            baseline_scores={name: mean_of_folds(scores) for name, scores in found.baselines.items()},
            baseline_p_values={
                name: calibration.p_values(score_columns(calibration, found.baselines[name]))
                for name, calibration in self.baseline_calibrations.items()
            },
            alpha=cut,
            promise=promise,
            labels=dense.labels,
            skipped=dense.skipped,
            images=self.preprocess.to_unit(dense.array) if pictures else None,
            reconstructions=found.reconstructions,
            anomaly_maps=maps,
            fdr=fdr,
            reject_alpha=reject_alpha,
            sizes=dense.sizes,
            members=np.array(self.member_kinds)[found.contributions.argmax(axis=1)] if self.member_kinds else None,
            frames=frames,
        )

    def _framed(self, dense: ImageSet, maps: Array | None) -> tuple[Array | None, Array | None]:
        """Return notes on the whole frame of dense images, and anomaly maps without what only these tell."""
        if self.frame is None:
            return None, maps
        frames = self.frame.notes(dense, self.preprocess)
        return frames, None if maps is None else self.frame.evened(maps, frames, self.preprocess.kept)

    def promise(self, alpha: float, reject_alpha: float | None = None) -> str:
        """Return the guarantee at a false-alarm rate in plain words; with `reject_alpha` that of a triage."""
        if reject_alpha is None:
            return self.calibration.promise(alpha)
        return triage_promise(self.calibration, reject_alpha, alpha)


def score_columns(calibration: Calibration, scores: Array) -> Array:
    """Return N,F scores as a calibration takes them: one column per fold, or the mean of all scorers for a split."""
    return scores if calibration.crossed else mean_of_folds(scores)[:, None]


def mean_of_folds(scores: Array) -> Array:
    """Return the means of N,F scores, added in the order of the folds."""
    return np.asarray(np.mean(list(scores.T), axis=0))


def calibrated_parts(config: Mapping[str, Any], tensors: Mapping[str, Array]) -> dict[str, Any]:
    """Return `calibration`, `baseline_calibrations`, `map_unit` and `frame`, given the part "calibration" of a model file.

    Raises:
        KeyError: if something is missing.
        ImagesError: if it is not a calibration.
    """

    def calibration(name: str) -> Calibration:
        own = {key.removeprefix(f"{name}/"): value for key, value in tensors.items() if key.startswith(f"{name}/")}
        return Calibration.from_tensors(own, config["folds"], bool(config["found"]))

    return {
        "calibration": calibration("model"),
        "baseline_calibrations": {name: calibration(name) for name in BASELINES},
        "map_unit": float(config["map_unit"]),
        "frame": WholeFrame(*(tensors[f"frame/{item.name}"] for item in fields(WholeFrame))),
    }
