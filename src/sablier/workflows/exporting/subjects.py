"""What is exported of a model for each task: its graph, what stands beside the graph, and how the two are compared."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from sablier.graphs.onnx_model import Input
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile
from sablier.typing import Array
from sablier.workflows.exported_files import Exported
from sablier.workflows.exporting.parity import Parity

EXAMPLES = 3  # images that a graph is traced with: not 1 or 2, which tracing could take for fixed sizes


class Subject(ABC):
    """A trained model that can be exported.

    Args:
        task: what it was trained to do.
        parts: the parts of its model file that stand beside the graph.
    """

    task: ClassVar[str]
    parts: ClassVar[tuple[str, ...]] = ()

    @classmethod
    @abstractmethod
    def of(cls, file: ModelFile, backbone: Any = None) -> "Subject":
        """Return the subject of a model file.

        Raises:
            ModelFileError: if it lacks a part. BackboneError: if it needs a backbone that cannot be exported.
        """

    @property
    @abstractmethod
    def graph(self) -> nn.Module:
        """Computes the outputs from the inputs."""

    @property
    @abstractmethod
    def inputs(self) -> Mapping[str, Input]:
        """The inputs of the graph."""

    @abstractmethod
    def given(self, images: ImageSet) -> list[dict[str, Array]]:
        """Return the inputs of the graph for each of some images as they were read."""

    def record(self) -> dict[str, Any]:
        """Return what the metadata hold besides the content of the model file."""
        return {}

    @abstractmethod
    def compared(self, images: ImageSet, exported: Exported) -> Parity:
        """Return how the exported graph agrees with the model on images as they were read."""


def each_alone(pixels: Array) -> list[dict[str, Array]]:
    """Return the input of a graph for each of N dense images."""
    return [{"pixels": pixels[place : place + 1]} for place in range(len(pixels))]


def pixels_input(preprocess: Preprocess) -> Input:
    """Return the input for stored pixels of a fixed size."""
    shape = (EXAMPLES, preprocess.height, preprocess.width, preprocess.channels)
    values = np.random.default_rng(0).random(shape)
    return Input(torch.from_numpy(preprocess.from_unit(values)), {0: "images"})
