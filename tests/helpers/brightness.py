"""An exported detector with known scores: a graph of a few nodes, with the inputs and outputs that `sablier export` writes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from sablier.calibration import Calibration
from sablier.images import ImageSet, Preprocess
from sablier.images.fingerprints import fingerprints
from sablier.images.looks import Looks
from sablier.tasks.detection.exported_format import with_metadata
from sablier.tasks.detection.judge import MAP, FoldScores, Judge, NetworkFacts
from sablier.tasks.detection.whole_frame import WholeFrame, measured
from sablier.tasks.known_part import KNOWN, known_part
from sablier.typing import Array

MAP_UNIT = 0.5
MEMBERS = ("patches", "features")
OPSET, IR = 18, 10


@dataclass(frozen=True)
class Brightness(Judge):
    """Scores images by their mean brightness: what the exported graph computes, in NumPy.

    Args:
        slopes, offsets: F, of each scorer.
    """

    slopes: Array = field(default_factory=lambda: np.array([10.0, 12.0, 9.0]))
    offsets: Array = field(default_factory=lambda: np.array([-3.0, -4.0, -2.5]))
    rule: Preprocess = field(default_factory=lambda: Preprocess(height=8, width=8, channels=1))
    images: int = 120

    @property
    def preprocess(self) -> Preprocess:
        return self.rule

    @property
    def member_kinds(self) -> tuple[str, ...]:
        return MEMBERS

    @property
    def scorer_count(self) -> int:
        return len(self.slopes)

    def network_facts(self) -> dict[str, NetworkFacts]:
        return {}

    def appearance(self, dense: ImageSet) -> Array | None:
        return None

    @property
    def good(self) -> ImageSet:
        """The images that trained and calibrate it."""
        random = np.random.default_rng(0)
        shape = self.rule.height, self.rule.width, self.rule.channels
        levels = random.normal(80, 10, (self.images, 1, 1, 1))
        pixels = (levels + random.normal(0, 12, (self.images, *shape))).clip(0, 255)
        return ImageSet(pixels.round().astype(np.uint8)).dense(self.rule)

    def _scores(self, pixels: Array) -> Array:
        return np.asarray(pixels.astype(np.float64).mean(axis=(1, 2, 3))[:, None] / self.rule.white * self.slopes + self.offsets)

    def _raw_maps(self, pixels: Array) -> Array:
        return np.asarray(pixels.astype(np.float32).mean(axis=3) / np.float32(self.rule.white))

    @property
    def calibration(self) -> Calibration:  # type: ignore[override]
        scores = self._scores(self.good.array)
        if len(self.slopes) == 1:
            return Calibration((scores[:, 0],))
        return Calibration(tuple(scores[fold :: len(self.slopes), fold] for fold in range(len(self.slopes))))

    @property
    def baseline_calibrations(self) -> dict[str, Calibration]:  # type: ignore[override]
        return {name: Calibration(tuple(k * fold for fold in self.calibration.folds)) for k, name in ((1, "pca"), (2, "knn"))}

    @property
    def map_calibration(self) -> Calibration:  # type: ignore[override]
        peaks = self._raw_maps(self.good.array).max(axis=(1, 2))
        return Calibration(tuple(peaks[fold :: len(self.slopes)] for fold in range(len(self.slopes))))

    @property
    def map_unit(self) -> float:  # type: ignore[override]
        return MAP_UNIT

    @property
    def frame(self) -> WholeFrame:  # type: ignore[override]
        return WholeFrame.of(measured(self.good, self.rule), np.full(self.images, 0.4))

    def scored(self, dense: ImageSet, pictures: bool) -> FoldScores:
        scores = self._scores(dense.array)
        return FoldScores(
            scores,
            scores.mean(axis=1)[:, None] * np.array([0.25, 0.75]),
            {"pca": scores, "knn": 2 * scores},
            self._raw_maps(dense.array) / MAP_UNIT if pictures else None,
        )

    def record(self) -> dict[str, Any]:
        """Return what the file says of itself."""
        parts = {"calibration": {"map_unit": MAP_UNIT, "folds": len(self.calibration.folds), "found": False}, KNOWN: {}}
        looks = Looks.of(self.good, self.rule)
        assert looks is not None
        return {
            "sablier": "0.1.0",
            "task": "detect",
            "content": {
                "task": "detect",
                "preprocess": self.rule.model_dump(),
                "parts": {name: {"name": name, "config": config} for name, config in parts.items()},
                "histories": {},
                "provenance": {"looks": looks.model_dump()},
            },
            "members": [{"kind": kind} for kind in MEMBERS],
            "folds": len(self.calibration.folds),
            "scorers": len(self.slopes),
            "precision": "float32",
        }

    def arrays(self) -> dict[str, Array]:
        """Return the tensors of the parts."""
        kept = {"model": self.calibration, **self.baseline_calibrations, MAP: self.map_calibration}
        found = {f"calibration/{name}/{key}": value for name, each in kept.items() for key, value in each.tensors().items()}
        found |= {f"calibration/frame/{key}": value for key, value in self.frame.tensors().items()}
        known = known_part(fingerprints(self.good, self.rule))[KNOWN]
        return {**found, **{f"{KNOWN}/{key}": value for key, value in known.tensors.items()}}

    def graph(self) -> onnx.ModelProto:
        """Return the graph, without metadata."""
        folds, channels = len(self.slopes), self.rule.channels
        height, width = self.rule.height, self.rule.width
        of_folds = np.zeros((len(self.calibration.folds), max(map(len, self.calibration.folds)))) - np.inf
        for row, scores in zip(of_folds, self.calibration.folds, strict=True):
            row[: len(scores)] = scores
        smallest = 1 / (self.calibration.groups + 1)
        constants = {
            "pixel_axes": np.array([1, 2, 3]), "channel_axis": np.array([3]), "fold_axis": np.array([1]),
            "last_axis": np.array([2]), "count_axes": np.array([1, 2]), "white": np.array(float(self.rule.white)),
            "slopes": self.slopes[None], "offsets": self.offsets[None], "shares": np.array([[0.25, 0.75]]),
            "doubling": np.array([[[1.0, 2.0]]]), "calibration": of_folds[None], "one": np.array(1.0),
            "smallest": np.array(smallest), "map_scale": np.array(self.rule.white * MAP_UNIT, np.float32),
        }  # fmt: skip
        calibrated = "fold_scores" if self.calibration.crossed else "mean"

        def node(operator: str, inputs: str, output: str, **attributes: Any) -> onnx.NodeProto:
            return helper.make_node(operator, inputs.split(), [output], **attributes)

        nodes = [
            node("Cast", "pixels", "double", to=TensorProto.DOUBLE),
            node("ReduceMean", "double pixel_axes", "bright", keepdims=0),
            node("Unsqueeze", "bright fold_axis", "column"),
            node("Div", "column white", "share"),
            node("Mul", "share slopes", "sloped"),
            node("Add", "sloped offsets", "fold_scores"),
            node("ReduceMean", "fold_scores fold_axis", "mean", keepdims=1),
            node("Squeeze", "mean fold_axis", "score"),
            node("Mul", "mean shares", "contributions"),
            node("Unsqueeze", "fold_scores last_axis", "fold_column"),
            node("Mul", "fold_column doubling", "baseline_scores"),
            node("Unsqueeze", f"{calibrated} last_axis", "calibrated"),
            node("GreaterOrEqual", "calibration calibrated", "above"),
            node("Cast", "above", "counted", to=TensorProto.DOUBLE),
            node("ReduceSum", "counted count_axes", "at_least", keepdims=0),
            node("Add", "at_least one", "rank"),
            node("Mul", "rank smallest", "p_value"),
            node("LessOrEqual", "p_value alpha", "small"),
            node("GreaterOrEqual", "alpha smallest", "decides"),
            node("And", "small decides", "flagged"),
            node("Cast", "pixels", "single", to=TensorProto.FLOAT),
            node("ReduceMean", "single channel_axis", "grey", keepdims=0),
            node("Div", "grey map_scale", "map"),
        ]
        inputs = [
            helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", height, width, channels]),
            helper.make_tensor_value_info("alpha", TensorProto.DOUBLE, [1]),
        ]
        outputs = [
            helper.make_tensor_value_info(name, kind, ["N", *shape])
            for name, kind, shape in (
                ("score", TensorProto.DOUBLE, []),
                ("p_value", TensorProto.DOUBLE, []),
                ("flagged", TensorProto.BOOL, []),
                ("map", TensorProto.FLOAT, [height, width]),
                ("fold_scores", TensorProto.DOUBLE, [folds]),
                ("contributions", TensorProto.DOUBLE, [len(MEMBERS)]),
                ("baseline_scores", TensorProto.DOUBLE, [folds, 2]),
            )
        ]
        initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
        model = helper.make_model(
            helper.make_graph(nodes, "brightness", inputs, outputs, initializers),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR,
        )
        onnx.checker.check_model(model, full_check=True)
        return model

    def data(self, graph: onnx.ModelProto | None = None, **changed: Any) -> bytes:
        """Return the bytes of the exported detector; `changed` are other values of its record."""
        model = self.graph() if graph is None else graph
        return with_metadata(model.SerializeToString(), {**self.record(), **changed}, self.arrays())

    def write(self, path: Path, **changed: Any) -> Path:
        """Write the exported detector."""
        path.write_bytes(self.data(**changed))
        return path


def batch(dark: int = 20, bright: int = 5, seed: int = 1) -> ImageSet:
    """Return new images of 8 x 8: some like the good ones, and some that are too bright."""
    random = np.random.default_rng(seed)
    levels = np.concatenate([random.normal(80, 10, dark), np.full(bright, 200.0)])[:, None, None, None]
    return ImageSet((levels + random.normal(0, 12, (dark + bright, 8, 8, 1))).clip(0, 255).round().astype(np.uint8))
