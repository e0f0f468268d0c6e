"""The member without a network: how far an image is from mixtures of nearby training images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import Part
from sablier.tasks.detection.anomaly_map import blurred
from sablier.tasks.detection.closed_form import ClosedForm
from sablier.tasks.detection.members.base import Look


@dataclass(frozen=True)
class Mixtures:
    """Neighbourhoods of training thumbnails, looked at in pixels and in oriented gradients.

    Its statistics are logarithms of squared distances; its heat is the squared error of the best mixture of thumbnails, blurred.
    """

    kind: ClassVar[str] = "closed-form"
    say: ClassVar[float] = 1.0

    neighbourhoods: ClosedForm

    @classmethod
    def fit(cls, training: ImageSet, preprocess: Preprocess, seed: int) -> "Mixtures":
        """Keep dense training images, as thumbnails."""
        return cls(ClosedForm.fit(training.array, preprocess, seed))

    @property
    def network(self) -> None:
        """None: there is nothing to train."""

    def look(self, x: Tensor) -> Look:
        pixels = np.ascontiguousarray(x.permute(0, 2, 3, 1).numpy())
        _, height, width, channels = pixels.shape
        unit = Preprocess(height=height, width=width, channels=channels, dtype="float32", black=0.0, white=1.0)
        statistics, errors, mixtures = self.neighbourhoods.look(pixels, unit)
        return Look(statistics, blurred(torch.from_numpy(errors)).numpy(), mixtures)

    def parts(self) -> Mapping[str, Part]:
        return {"thumbnails": Part("mixtures", {}, self.neighbourhoods.tensors())}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Part]) -> "Mixtures":
        return cls(ClosedForm.from_tensors(parts["thumbnails"].tensors))
