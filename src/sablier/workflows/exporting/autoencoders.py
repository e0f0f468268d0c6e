"""Autoencoders as exported models."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

from torch import nn

from sablier.graphs.network_graphs import AutoencoderGraph
from sablier.graphs.onnx_model import Input
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile
from sablier.models.base import Model
from sablier.tasks.latent.reconstruct import TASK, decode, encode
from sablier.typing import Array
from sablier.workflows.exported_files import Exported
from sablier.workflows.exporting.parity import OF_VALUES, Difference, Parity
from sablier.workflows.exporting.subjects import Subject, each_alone, pixels_input
from sablier.workflows.training.network import network_of


@dataclass(frozen=True)
class AutoencoderSubject(Subject):
    """An autoencoder: codes, and reconstructions from them."""

    task: ClassVar[str] = TASK
    parts: ClassVar[tuple[str, ...]] = ("known-images",)

    network: Model
    preprocess: Preprocess

    @classmethod
    def of(cls, file: ModelFile, backbone: Any = None) -> Self:
        return cls(network_of(file, TASK), file.preprocess)

    @cached_property
    def graph(self) -> nn.Module:
        return AutoencoderGraph(self.network, self.preprocess)

    @property
    def inputs(self) -> Mapping[str, Input]:
        return {"pixels": pixels_input(self.preprocess)}

    def given(self, images: ImageSet) -> list[dict[str, Array]]:
        return each_alone(images.dense(self.preprocess).array)

    def compared(self, images: ImageSet, exported: Exported) -> Parity:
        dense = images.dense(self.preprocess)
        codes = encode(self.network, self.preprocess, dense)
        theirs = exported.graph.run(["code", "reconstruction"], {"pixels": dense.array})
        drawn = decode(self.network, self.preprocess, codes)
        spread = max(float(codes.std()), 1e-9)
        return Parity(
            len(dense),
            (
                Difference.of("codes", codes, theirs["code"], OF_VALUES * spread),
                Difference.of("reconstructions", drawn, theirs["reconstruction"], OF_VALUES),
            ),
        )
