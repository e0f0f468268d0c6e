"""Classifiers as exported models."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from torch import nn

from sablier.calibration import is_flagged
from sablier.graphs.network_graphs import ClassifierGraph
from sablier.graphs.onnx_model import Input
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.tasks.classification.classify import CLASSES, TASK, UNLIKE, Classifier
from sablier.typing import Array
from sablier.workflows.exported_files import Exported
from sablier.workflows.exporting.parity import OF_VALUES, Difference, Parity
from sablier.workflows.exporting.subjects import Subject, each_alone, pixels_input


@dataclass(frozen=True)
class ClassifierSubject(Subject):
    """A classifier; the copies of test-time augmentation are part of its graph."""

    task: ClassVar[str] = TASK
    parts: ClassVar[tuple[str, ...]] = (CLASSES, "known-images")

    classifier: Classifier

    @classmethod
    def of(cls, file: ModelFile, backbone: Any = None) -> Self:
        return cls(Classifier.from_file(file))

    @cached_property
    def graph(self) -> nn.Module:
        return ClassifierGraph(self.classifier)

    @property
    def inputs(self) -> Mapping[str, Input]:
        return {"pixels": pixels_input(self.classifier.preprocess)}

    def record(self) -> dict[str, Any]:
        return {"classes": self.classifier.classes.tolist()}

    def given(self, images: ImageSet) -> list[dict[str, Array]]:
        return each_alone(images.dense(self.classifier.preprocess).array)

    def compared(self, images: ImageSet, exported: Exported) -> Parity:
        dense, ours = images.dense(self.classifier.preprocess), self.classifier.classify(images)
        theirs = exported.graph.run(["probabilities", "p_value", "unlike"], {"pixels": dense.array})
        calibration = self.classifier.calibration
        levels = [calibration.levels(each) for each in (ours.p_values, theirs["p_value"])]
        unlike = is_flagged(calibration.verdicts(theirs["p_value"], UNLIKE))
        differences = (
            Difference.of("probabilities", ours.probabilities, theirs["probabilities"], OF_VALUES),
            Difference.of("ranks of p-values", levels[0], levels[1], 1.0),
            Difference.of("flags of images unlike all classes", unlike, theirs["unlike"], 0.0),
        )
        rows = np.sort(ours.probabilities, axis=1)
        other = ours.probabilities.argmax(axis=1) != theirs["probabilities"].argmax(axis=1)
        near = rows[:, -1] - rows[:, -2] <= OF_VALUES
        ids = dense.ids
        return Parity(len(ids), differences, len(ids), tuple(ids[other & ~near].tolist()), tuple(ids[other & near].tolist()))
