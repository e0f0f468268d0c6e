"""The member that compares place by place: how far each patch is from the good ones that were there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import Part
from sablier.tasks.detection.members.base import Look
from sablier.tasks.detection.patch_statistics import PatchStatistics


@dataclass(frozen=True)
class Patches:
    """Descriptors of good images at each place. The statistic is the logarithm of the heat of the hottest place."""

    kind: ClassVar[str] = "patches"
    say: ClassVar[float] = 1.0

    good: PatchStatistics

    @classmethod
    def fit(cls, training: ImageSet, preprocess: Preprocess, seed: int) -> "Patches":
        """Describe dense training images."""
        return cls(PatchStatistics.fit(training.array, preprocess, seed))

    @property
    def network(self) -> None:
        """None: there is nothing to train."""

    def look(self, x: Tensor) -> Look:
        statistic, logarithm = self.good.statistics(x)
        return Look(statistic.numpy().astype(np.float64), logarithm.exp().numpy())

    def parts(self) -> Mapping[str, Part]:
        return {"descriptors": Part("patches", {}, self.good.tensors())}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Part]) -> "Patches":
        return cls(PatchStatistics.from_tensors(parts["descriptors"].tensors))
