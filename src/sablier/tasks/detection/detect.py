"""`Detector`: finds anomalous images at a false-alarm rate that the user chooses."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
import torch

from sablier.backbones import BackboneFile
from sablier.calibration import Calibration
from sablier.errors import BackboneError, ModelFileError, PackageError
from sablier.images.chunks import at_once
from sablier.images.grouping import group_numbers, one_of_each_group, sizes_of_groups
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile, Part
from sablier.models.base import count_parameters, layer_table
from sablier.tasks.detection.judge import MAP, FoldScores, Judge, NetworkFacts, all_measures, calibrated_parts
from sablier.tasks.detection.members import MEMBERS
from sablier.tasks.detection.named_backbone import checked_backbone
from sablier.tasks.detection.result import BASELINES
from sablier.tasks.detection.scorer import Scorer, Scores, score_together
from sablier.tasks.detection.shift import UsualMeasures
from sablier.tasks.detection.whole_frame import WholeFrame, measured, median_anomaly
from sablier.transforms.batches import Batches
from sablier.typing import Array

TASK = "detect"
CALIBRATED_AT_ONCE = 64
MAP_ALPHA = 0.05  # the mark level at this false-alarm rate is 1 in the unit of anomaly maps
LEAST_UNIT = 1e-12


@dataclass(frozen=True)
class Detector(Judge):
    """A calibrated detector: scores images, and flags anomalous ones at a chosen false-alarm rate.

    A scorer fuses the statistics of several members into one anomaly score. Scores of normal images that did not train the
    scorer turn it into a conformal p-value (Vovk, Gammerman and Shafer 2005; Bates et al. 2023).

    Args:
        scorers: one, or one per cross-conformal fold; the score of an image is their mean.
        calibration: the mean scores of normal images; for folds, those of each scorer.
        baseline_calibrations: the same for each baseline, by name.
        map_calibration: the largest map values of normal images, in the folds of `calibration`; None in older files.
        map_unit: the mark level at 5 %, which is 1 in the unit of anomaly maps.
        frame: the range of brightness, contrast and colour of normal images.
        usual: the measures of normal images that explain a drift; None in files that do not have them.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> import sablier
        >>> recipe = sablier.make_recipe(tier="tiny", settings=["members=closed-form", "folds=2"])
        >>> with TemporaryDirectory() as folder:
        ...     file = sablier.train("digits[label=3]", f"{folder}/three.sablier", recipe)
        >>> result = sablier.Detector.from_file(file).detect(sablier.read_images("digits:test[label=0]"))
        >>> result.flagged > 0.9 * len(result)
        True
    """

    scorers: tuple[Scorer, ...]
    calibration: Calibration
    baseline_calibrations: dict[str, Calibration]
    map_calibration: Calibration | None
    map_unit: float
    frame: WholeFrame
    usual: UsualMeasures | None = None

    @classmethod
    def calibrated(cls, scorers: tuple[Scorer, ...], normals: tuple[ImageSet, ...]) -> "Detector":
        """Return a detector, calibrated on dense normal images.

        Args:
            scorers: fitted scorers.
            normals: one set of images on which no scorer was fitted; or, for cross-conformal folds, one set per scorer, on
                which only this scorer was not fitted.

        Returns:
            The detector.
        """
        judges = [scorers] if len(normals) == 1 else [(scorer,) for scorer in scorers]
        found: list[dict[str, Array]] = []
        frames = []
        names = ("model", *BASELINES, MAP)
        rule = scorers[0].preprocess
        most = at_once(CALIBRATED_AT_ONCE, rule.height * rule.width)  # the maps of all images would fill the memory
        for judging, images in zip(judges, normals, strict=True):
            rows = []
            for part in images.chunks(most):
                scores = _mean(*score_together(judging, part, pictures=True))
                anomaly_map = _anomaly_map(scores, rule)
                rows.append({"model": scores.scores, **scores.baselines, MAP: anomaly_map.max(axis=(1, 2))})
                measures = all_measures(measured(part, rule), part, scores.scores)
                frames.append((measures, median_anomaly(anomaly_map, rule.kept)))
            found.append({name: np.concatenate([row[name] for row in rows]) for name in names})
        grouped = sizes_in(normals)
        calibrations = {name: Calibration(tuple(scores[name] for scores in found), **grouped) for name in names}
        measures, medians = (np.concatenate(each) for each in zip(*frames, strict=True))
        calibration, maxima = calibrations.pop("model"), calibrations.pop(MAP)
        map_unit = _map_unit(maxima)
        frame = WholeFrame.of(measures, medians / map_unit)
        return cls(scorers, calibration, calibrations, maxima, map_unit, frame, UsualMeasures.of(measures))

    @property
    def preprocess(self) -> Preprocess:
        """The size, channels and value range that images get before they are scored."""
        return self.scorers[0].preprocess

    @property
    def member_kinds(self) -> tuple[str, ...]:
        """The kinds of the members."""
        return tuple(member.kind for member in self.scorers[0].members)

    @property
    def scorer_count(self) -> int:
        """How many scorers there are: one, or one per cross-conformal fold."""
        return len(self.scorers)

    def network_facts(self) -> dict[str, NetworkFacts]:
        """Return what a report tells of the networks, by the kind of member that has one."""
        return {
            kind: NetworkFacts(
                f"{network.name}, {count_parameters(network):,} parameters", network.listed_size, tuple(layer_table(network))
            )
            for kind, network in self.scorers[0].networks.items()
        }

    @torch.no_grad()
    def appearance(self, dense: ImageSet) -> Array | None:
        """Return N,D,h,w features of places of dense images by the first member that has any; None if none has."""
        x = Batches(dense, self.preprocess).take(slice(None)).x
        found = next((own for member in self.scorers[0].members if (own := member.appearance(x)) is not None), None)
        return None if found is None else found.numpy()

    def scored(self, dense: ImageSet, pictures: bool) -> FoldScores:
        """Return the scores of dense images by each scorer; with `pictures` anomaly maps and reconstructions, too."""
        each = score_together(self.scorers, dense, pictures)
        mean = _mean(*each)
        return FoldScores(
            np.stack([scores.scores for scores in each], axis=1),
            mean.contributions,
            {name: np.stack([scores.baselines[name] for scores in each], axis=1) for name in BASELINES},
            _anomaly_map(mean, self.preprocess) / self.map_unit if pictures else None,
            mean.reconstructions,
        )

    def parts(self) -> dict[str, Part]:
        """Return the parts that a model file keeps."""
        parts: dict[str, Part] = {}
        for member in self.scorers[0].members:
            parts |= {f"shared/{member.kind}/{name}": part for name, part in member.shared_parts().items()}
        for index, scorer in enumerate(self.scorers):
            parts |= scorer.parts(f"fold-{index}/")
        kept = {"model": self.calibration, **self.baseline_calibrations}
        kept |= {} if self.map_calibration is None else {MAP: self.map_calibration}
        tensors = {f"{name}/{key}": value for name, each in kept.items() for key, value in each.tensors().items()}
        tensors |= {f"frame/{key}": value for key, value in self.frame.tensors().items()}
        if self.usual is not None:
            tensors |= {f"usual/{key}": value for key, value in self.usual.tensors().items()}
        folds = len(self.calibration.folds) if self.calibration.count else 0
        config = {"map_unit": self.map_unit, "folds": folds, "found": self.calibration.found}
        parts["calibration"] = Part("conformal", config, tensors)
        return parts

    @classmethod
    def from_file(cls, file: ModelFile, backbone: str | PathLike[str] | None = None, *, scores: bool = False) -> "Detector":
        """Return the detector of a model file.

        Args:
            file: the model file.
            backbone: the file of the user's feature network that it was trained with, if any; it is run as a program.
                Without it, the detector knows its guarantee but cannot score images.
            scores: whether it will score images; then a missing backbone is an error.

        Returns:
            The detector.

        Raises:
            ModelFileError: if the file has another task, or lacks a part.
            BackboneError: if the backbone is missing, is another one, or is not needed.
        """
        if file.task != TASK:
            raise ModelFileError(f"expected a model that detects, got {file.kind}. Train one with: sablier train")
        named = checked_backbone(file, backbone, needed=scores)
        if any(name.startswith("member-") for name in file.parts):
            raise ModelFileError(
                "expected parts named fold-0 and so on, got member-0, of an early version. Train the model again."
            )
        try:
            folds = sum(name.startswith("fold-") and name.endswith("/fusion") for name in file.parts)
            kept = file.parts["calibration"]
            if not folds or kept.config["folds"] not in (0, 1, folds):
                raise ValueError(f"{folds} folds and {kept.config['folds']} sets of calibration scores")
            shared = _shared(file, named)
            scorers = tuple(Scorer.from_parts(file.parts, f"fold-{index}/", file.preprocess, shared) for index in range(folds))
            return cls(scorers, **calibrated_parts(kept.config, kept.tensors))
        except (BackboneError, PackageError):
            raise
        except (KeyError, TypeError, ValueError, IndexError, RuntimeError) as error:
            raise ModelFileError(f"the model file lacks a part of a detector: {error}. Train it again.") from error


def _shared(file: ModelFile, backbone: BackboneFile | None) -> dict[str, Any]:
    """Return what the members of all folds share, by member; `backbone` is the checked file that the user named."""
    found: dict[str, dict[str, Part]] = {}
    for name, part in file.parts.items():
        room, kind, own = (*name.split("/", 2), "", "")[:3]
        if room == "shared" and kind in MEMBERS:
            found.setdefault(kind, {})[own] = part
    return {kind: MEMBERS[kind].from_shared_parts(parts, file.preprocess, backbone) for kind, parts in found.items()}


def sizes_in(normals: Sequence[ImageSet]) -> dict[str, Any]:
    """Return how a calibration counts the groups of these sets: their sizes, whether some were found, and one image of each."""
    if all(images.groups is None for images in normals):
        return {}
    numbers = [group_numbers(images) for images in normals]
    sizes = tuple(map(sizes_of_groups, numbers))
    counted: dict[str, Any] = {"sizes": sizes, "chosen": tuple(map(one_of_each_group, numbers))}
    if any(images.given_groups is None for images in normals):
        return {**counted, "found": True}
    given = tuple(sizes_of_groups(np.asarray(images.given_groups)) for images in normals)
    found = any(not np.array_equal(*pair) for pair in zip(sizes, given, strict=True))
    return {**counted, "given_sizes": given if found else None, "found": found}


def _map_unit(maxima: Calibration) -> float:
    """Return the largest map value that at most 5 % of normal images exceed; where too few calibrate, the largest of all."""
    if maxima.decides(MAP_ALPHA):
        return max(maxima.threshold(MAP_ALPHA), LEAST_UNIT)
    return max(float(np.concatenate(maxima.folds).max()), LEAST_UNIT)


def _mean(*scores: Scores) -> Scores:
    """Return the mean of the results of several scorers."""

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


def _anomaly_map(scores: Scores, preprocess: Preprocess) -> Array:
    """Return the anomaly maps, 0 where pixels are ignored."""
    if scores.anomaly_maps is None:
        raise ValueError("anomaly maps were not asked for.")
    return scores.anomaly_maps if preprocess.kept is None else np.where(preprocess.kept, scores.anomaly_maps, 0)
