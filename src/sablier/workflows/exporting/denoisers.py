"""Denoisers as exported models."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import nn

from sablier.errors import ModelFileError
from sablier.graphs.network_graphs import DenoiserGraph
from sablier.graphs.onnx_model import Input
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.tasks.denoise import TASK, TILE, NoiseRemover, decoded
from sablier.typing import Array
from sablier.workflows.denoise import noise_remover
from sablier.workflows.exported_files import Exported
from sablier.workflows.exporting.parity import OF_VALUES, Difference, Parity
from sablier.workflows.exporting.subjects import EXAMPLES, Subject

SIDES = 40, 48  # pixels of the images that a graph is traced with; sides may vary


@dataclass(frozen=True)
class DenoiserSubject(Subject):
    """A network that removes noise from images of any size, and estimates the noise level."""

    task: ClassVar[str] = TASK

    remover: NoiseRemover

    @classmethod
    def of(cls, file: ModelFile, backbone: Any = None) -> Self:
        remover = noise_remover(file)
        if not {"denoise", "any_size"} <= remover.model.capabilities:
            raise ModelFileError(
                f"expected a denoiser for images of any size that estimates their noise, got {remover.model.name}. Train one "
                "with: sablier train IMAGES --recipe denoiser"
            )
        return cls(remover)

    @cached_property
    def graph(self) -> nn.Module:
        return DenoiserGraph(self.remover.model)

    @property
    def inputs(self) -> Mapping[str, Input]:
        values = np.random.default_rng(0).random((EXAMPLES, *SIDES, self.remover.preprocess.channels))
        return {"values": Input(torch.from_numpy(values.astype(np.float32)), {0: "images", 1: "height", 2: "width"})}

    def given(self, images: ImageSet) -> list[dict[str, Array]]:
        # Larger images are computed in tiles, whose noise levels are averaged, and by the graph as a whole.
        parts = [image[:TILE, :TILE] for image in decoded(images)[0]]
        return [{"values": self.remover.preprocess.unit_values(part)[None]} for part in parts]

    def compared(self, images: ImageSet, exported: Exported) -> Parity:
        found = []
        for given in self.given(images):
            clean, levels = self.remover.remove(given["values"])
            theirs = exported.graph.run(["clean", "level"], given)
            found.append([
                Difference.of("pixels", clean, theirs["clean"], OF_VALUES),
                Difference.of("noise levels", levels, theirs["level"], OF_VALUES),
            ])  # fmt: skip
        worst = [max(each, key=lambda own: own.largest) for each in zip(*found, strict=True)]
        return Parity(len(found), tuple(worst))
