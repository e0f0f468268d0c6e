"""Detectors as exported models."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import nn

from sablier.errors import BackboneError
from sablier.graphs.detector_graph import DetectorGraph
from sablier.graphs.onnx_model import Input
from sablier.images.chunks import images_at_once
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.tasks.detection.detect import TASK, Detector
from sablier.tasks.detection.exported_detector import ExportedDetector, Graph
from sablier.typing import Array
from sablier.workflows.exported_files import SUFFIX, Exported
from sablier.workflows.exporting.parity import ALPHAS, Answers, Parity, detector_parity
from sablier.workflows.exporting.subjects import Subject, each_alone, pixels_input

ALPHA = 0.05  # that a graph is traced with; it is an input


@dataclass(frozen=True)
class DetectorSubject(Subject):
    """A detector, of small images or of photos."""

    task: ClassVar[str] = TASK
    parts: ClassVar[tuple[str, ...]] = ("calibration", "known-images")

    detector: Detector

    @classmethod
    def of(cls, file: ModelFile, backbone: Any = None) -> Self:
        if backbone is not None and Path(backbone).suffix.lower() == SUFFIX:
            raise BackboneError(
                f"expected a .pt2 file to export a detector with its backbone, got {backbone}: torch cannot trace an ONNX "
                "backbone. Write the network with torch.export.save, and train a detector with that file."
            )
        return cls(Detector.from_file(file, backbone, scores=True))

    @cached_property
    def graph(self) -> nn.Module:
        return DetectorGraph(self.detector)

    @property
    def inputs(self) -> Mapping[str, Input]:
        return {
            "pixels": pixels_input(self.detector.preprocess),
            "alpha": Input(torch.tensor([ALPHA], dtype=torch.float64), {}),
        }

    def given(self, images: ImageSet) -> list[dict[str, Array]]:
        return [each | {"alpha": np.array([ALPHA])} for each in each_alone(images.dense(self.detector.preprocess).array)]

    def record(self) -> dict[str, Any]:
        networks = {kind: asdict(facts) for kind, facts in self.detector.network_facts().items()}
        members = [{"kind": kind, "network": networks.get(kind)} for kind in self.detector.member_kinds]
        return {"members": members, "scorers": self.detector.scorer_count}

    def compared(self, images: ImageSet, exported: Exported) -> Parity:
        theirs = ExportedDetector.of(*exported)
        ours, dense = self.detector, images.dense(self.detector.preprocess)
        kinds, answers = ours.member_kinds, _answers(exported.graph, dense.array)
        return detector_parity(ours.calibration, kinds, dense.ids, ours.scored(dense, True), theirs.scored(dense, True), answers)


def _answers(graph: Graph, pixels: Array) -> Answers:
    """Return what a graph answers by itself to N,H,W,C pixels, to one image after another at the next of the alphas."""
    alphas, step = np.resize(ALPHAS, len(pixels)), images_at_once(*pixels.shape[1:3])
    found = {"score": np.empty(len(pixels)), "p_value": np.empty(len(pixels)), "flagged": np.empty(len(pixels), bool)}
    for alpha in ALPHAS:
        rows = np.flatnonzero(alphas == alpha)
        for start in range(0, len(rows), step):
            batch = rows[start : start + step]
            for name, values in graph.run(list(found), {"pixels": pixels[batch], "alpha": np.array([alpha])}).items():
                found[name][batch] = values
    return Answers(alphas, *found.values())
