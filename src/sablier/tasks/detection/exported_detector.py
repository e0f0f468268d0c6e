"""`ExportedDetector`: a detector that `sablier export` wrote. A graph scores, and no torch is needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

from sablier.calibration import Calibration
from sablier.errors import ModelFileError, SablierError
from sablier.images.chunks import images_at_once
from sablier.images.image_statistics import ImageStatistics
from sablier.images.imageset import ImageSet
from sablier.images.packed_mask import unpacked
from sablier.images.pixel_rule import FULL_SCALE, PixelRule
from sablier.part_fit import check_finite
from sablier.tasks.detection.judge import FoldScores, Judge, NetworkFacts, calibrated_parts
from sablier.tasks.detection.result import BASELINES
from sablier.tasks.detection.shift import UsualMeasures
from sablier.tasks.detection.whole_frame import WholeFrame
from sablier.tasks.known_images import KnownImages, Recognizer
from sablier.typing import Array

TASK = "detect"
LARGEST_SIDE = 4096  # pixels, as for `Preprocess`
PIXELS, ALPHA = "pixels", "alpha"  # inputs
FOLD_SCORES, CONTRIBUTIONS, BASELINE_SCORES, MAP = "fold_scores", "contributions", "baseline_scores", "map"  # outputs
RECONSTRUCTION, APPEARANCE = "reconstruction", "appearance"  # outputs of some detectors only
ANY_ALPHA = np.array([0.05])  # of the graph's own verdicts, which are not used here

Shape = tuple[int | None, ...]


class Tensor(NamedTuple):
    """The NumPy type of an input or an output, and its shape; None is any length."""

    dtype: str
    shape: Shape


class Graph(Protocol):
    """A graph of ONNX that is ready to run."""

    @property
    def inputs(self) -> Mapping[str, Tensor]: ...
    @property
    def outputs(self) -> Mapping[str, Tensor]: ...
    def run(self, names: Sequence[str], inputs: Mapping[str, Array]) -> dict[str, Array]: ...


@dataclass(frozen=True)
class ExportedDetector(Judge):
    """A calibrated detector, whose graph returns the scores of each fold.

    Args:
        record: what the file says of itself: `content` is that of the model file but its tensors, `members` lists the
            members, `scorers` is the number of folds that score, `precision` is "float32" or "int8".
        arrays: the tensors of its parts.
        rule: the size, channels and value range of the images.
        graph: returns scores and anomaly maps of dense pixels.
        known: the images that trained or calibrated the model.
        looks: statistics of the training images, to compare others with.
        calibration, baseline_calibrations, map_calibration, map_unit, frame, usual: as in `Judge`.
    """

    record: Mapping[str, Any]
    arrays: Mapping[str, Array]
    rule: PixelRule
    graph: Graph
    known: KnownImages
    looks: ImageStatistics | None
    calibration: Calibration
    baseline_calibrations: dict[str, Calibration]
    map_calibration: Calibration | None
    map_unit: float
    frame: WholeFrame
    usual: UsualMeasures | None = None

    @classmethod
    def of(cls, record: Mapping[str, Any], arrays: Mapping[str, Array], graph: Graph) -> Self:
        """Return the detector of an exported file.

        Args:
            record, arrays: as `read_metadata` returns them.
            graph: that of the file.

        Raises:
            ModelFileError: if it has another task, or its parts, inputs or outputs are not those of a detector.
        """
        task = record.get("task")
        if task != TASK:
            raise ModelFileError(f"expected an exported model that detects, got one to {task}. Export a detector.")
        try:
            content = record["content"]
            of_calibration, of_known = (_tensors(arrays, name) for name in ("calibration", "known-images"))
            looks = content["provenance"].get("looks")
            found = cls(
                record,
                arrays,
                _rule(content["preprocess"]),
                graph,
                KnownImages.from_tensors(of_known),
                None if looks is None else ImageStatistics(**looks),
                **calibrated_parts(content["parts"]["calibration"]["config"], of_calibration),
            )
            if not found.member_kinds or len(found.calibration.folds) not in (1, found.scorer_count):
                raise ValueError(f"{found.scorer_count} scorers and {len(found.calibration.folds)} sets of calibration scores")
        except (SablierError, KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise ModelFileError(f"the exported detector lacks a part: {error!r}. Export it again.") from error
        found._check_graph()
        return found

    @property
    def task(self) -> str:
        """What the model does."""
        return TASK

    @property
    def preprocess(self) -> PixelRule:
        """The size, channels and value range that images get before they are scored."""
        return self.rule

    @property
    def member_kinds(self) -> tuple[str, ...]:
        """The kinds of the members."""
        return tuple(str(member["kind"]) for member in self.record["members"])

    @property
    def scorer_count(self) -> int:
        """How many scorers there are: one, or one per cross-conformal fold."""
        return int(self.record["scorers"])

    def network_facts(self) -> dict[str, NetworkFacts]:
        """Return what the file tells of the networks that it was exported from, by kind of member."""
        found = {}
        for member in self.record["members"]:
            if (kept := member.get("network")) is not None:
                layers = tuple((str(name), str(kind), str(shape), int(count)) for name, kind, shape, count in kept["layers"])
                height, width = kept["size"]
                found[str(member["kind"])] = NetworkFacts(str(kept["words"]), (int(height), int(width)), layers)
        return found

    @property
    def reconstructs(self) -> bool:
        """Whether a member reconstructs images."""
        return RECONSTRUCTION in self.graph.outputs

    def recognizer(self) -> Recognizer:
        """Return what recognises images of a stream that the model knows, and repeats."""
        return Recognizer(self.known, self.rule)

    def scored(self, dense: ImageSet, pictures: bool) -> FoldScores:
        """Return the scores of dense images by each scorer; with `pictures` anomaly maps and reconstructions, too."""
        drawn = [MAP, RECONSTRUCTION] if self.reconstructs else [MAP]
        found = self._outputs([FOLD_SCORES, CONTRIBUTIONS, BASELINE_SCORES, *(drawn if pictures else [])], dense.array)
        baselines = check_finite("scores", found[BASELINE_SCORES])
        return FoldScores(
            check_finite("scores", found[FOLD_SCORES]),
            found[CONTRIBUTIONS],
            {name: baselines[:, :, index] for index, name in enumerate(BASELINES)},
            check_finite("anomaly maps", found[MAP]) if pictures else None,
            found[RECONSTRUCTION] if pictures and self.reconstructs else None,
        )

    def appearance(self, dense: ImageSet) -> Array | None:
        """Return N,D,h,w features of places of dense images; None if no member has any."""
        if APPEARANCE not in self.graph.outputs:
            return None
        return self._outputs([APPEARANCE], dense.array)[APPEARANCE]

    def _outputs(self, names: Sequence[str], pixels: Array) -> dict[str, Array]:
        """Return outputs of the graph for N,H,W,C pixels, a batch at a time."""
        step = images_at_once(self.rule.height, self.rule.width)
        expected = self._expected_outputs()
        if not len(pixels):
            shapes = {name: [0, *(length or 0 for length in expected[name].shape[1:])] for name in names}
            return {name: np.empty(shapes[name], expected[name].dtype) for name in names}
        batches = []
        for start in range(0, len(pixels), step):
            batch = np.ascontiguousarray(pixels[start : start + step])
            found = self.graph.run(names, {PIXELS: batch, ALPHA: ANY_ALPHA})
            for name in names:
                if not _fits(found[name].shape, (len(batch), *expected[name].shape[1:])):
                    raise ModelFileError(f"the graph returned {name} of shape {found[name].shape}. Export the detector again.")
            batches.append(found)
        return {name: np.concatenate([each[name] for each in batches]) for name in names}

    def _expected_inputs(self) -> dict[str, Tensor]:
        rule = self.rule
        return {PIXELS: Tensor(rule.dtype, (None, rule.height, rule.width, rule.channels)), ALPHA: Tensor("float64", (1,))}

    def _expected_outputs(self) -> dict[str, Tensor]:
        """Return the outputs that the graph must have, and the optional ones."""
        rule, members = self.rule, len(self.member_kinds)
        return {
            "score": Tensor("float64", (None,)),
            "p_value": Tensor("float64", (None,)),
            "flagged": Tensor("bool", (None,)),
            MAP: Tensor("float32", (None, rule.height, rule.width)),
            FOLD_SCORES: Tensor("float64", (None, self.scorer_count)),
            CONTRIBUTIONS: Tensor("float64", (None, members)),
            BASELINE_SCORES: Tensor("float64", (None, self.scorer_count, len(BASELINES))),
            RECONSTRUCTION: Tensor("float32", (None, rule.height, rule.width, rule.channels)),
            APPEARANCE: Tensor("float32", (None, None, None, None)),
        }

    def _check_graph(self) -> None:
        """Raise ModelFileError if an input or an output is missing or is another one."""
        _check_tensors("input", self.graph.inputs, self._expected_inputs())
        optional = {RECONSTRUCTION, APPEARANCE} - set(self.graph.outputs)
        expected = self._expected_outputs().items()
        _check_tensors("output", self.graph.outputs, {name: tensor for name, tensor in expected if name not in optional})


def _check_tensors(what: str, came: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    for name, tensor in expected.items():
        if name not in came or came[name].dtype != tensor.dtype or not _fits(came[name].shape, tensor.shape):
            raise ModelFileError(
                f"expected the {what} {name} of type {tensor.dtype} and shape {_words(tensor.shape)}, got "
                f"{_described(came.get(name))}. Export the detector again."
            )


def _rule(values: Mapping[str, Any]) -> PixelRule:
    """Return the rule of a record, with the checks that computing needs."""
    rule = PixelRule(**values)
    sides = 1 <= rule.height <= LARGEST_SIDE and 1 <= rule.width <= LARGEST_SIDE
    if not (sides and rule.channels in (1, 3) and rule.dtype in FULL_SCALE and rule.white > rule.black):
        raise ValueError(f"expected the size, channels and value range of images, got {dict(values)}")
    if rule.ignored:
        unpacked(rule.ignored, rule.height, rule.width)
    return rule


def _tensors(arrays: Mapping[str, Array], part: str) -> dict[str, Array]:
    return {name.removeprefix(f"{part}/"): value for name, value in arrays.items() if name.startswith(f"{part}/")}


def _fits(came: Shape, expected: Shape) -> bool:
    """Return whether a shape can be another one, where None is any length.

    >>> _fits((None, 8, 8), (None, 8, 8)), _fits((None, 4), (None, 8)), _fits((5,), (5, 1))
    (True, False, False)
    """
    return len(came) == len(expected) and all(
        None in (one, other) or one == other for one, other in zip(came, expected, strict=True)
    )


def _words(shape: Shape) -> str:
    return ",".join("?" if length is None else str(length) for length in shape)


def _described(came: Tensor | None) -> str:
    return "none" if came is None else f"{came.dtype} and {_words(came.shape)}"
