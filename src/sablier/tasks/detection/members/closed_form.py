"""The member without a network: the distance of an image to mixtures of nearby training images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from sablier.modelfile import Part
from sablier.part_kinds import PartKind, TensorKind
from sablier.tasks.detection.anomaly_map import blurred
from sablier.tasks.detection.closed_form import ClosedForm
from sablier.tasks.detection.members.base import Fitting, Member, MemberOutput, member


def space_kinds(name: str, values: str) -> dict[str, TensorKind]:
    """Return the parts that keep training images in one space: their coordinates along its principal components."""
    return {
        f"{name}_mean": TensorKind((values,)),
        f"{name}_components": TensorKind((f"{name} axes", values)),
        f"{name}_kept": TensorKind(("M", f"{name} axes")),
    }


@member
@dataclass(frozen=True)
class Mixtures(Member):
    """Neighbourhoods of training thumbnails, in pixels and in oriented gradients.

    The statistics are logarithms of squared distances. The map is the squared error of the best mixture of thumbnails,
    blurred.
    """

    kind: ClassVar[str] = "closed-form"
    weight: ClassVar[float] = 1.0
    sees: ClassVar[str] = (
        "No network: the image is compared with mixtures of the training images nearest to it, in its pixels and "
        "in the directions of its edges. The error of the best mixture is the anomaly."
    )
    map_shows: ClassVar[str] = "The squared error of the best mixture of training images at each pixel, blurred"
    draws: ClassVar[bool] = True
    part_kinds: ClassVar[Mapping[str, PartKind]] = {
        "mixtures": PartKind(space_kinds("pixels", "thumbnail") | space_kinds("gradients", "edges"))
    }

    neighbourhoods: ClosedForm

    @classmethod
    def fit(cls, fitting: Fitting) -> "Mixtures":
        """Keep training images as thumbnails."""
        return cls(ClosedForm.fit(fitting.training.array, fitting.preprocess, fitting.seed))

    def score(self, x: Tensor, pictures: bool = True) -> MemberOutput:
        statistics, errors, mixtures = self.neighbourhoods.score(x, pictures)
        return MemberOutput(statistics, None if errors is None else blurred(errors), mixtures)

    def parts(self) -> Mapping[str, Part]:
        return {"thumbnails": Part("mixtures", {}, self.neighbourhoods.tensors())}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Part], shared: Any = None) -> "Mixtures":
        return cls(ClosedForm.from_tensors(parts["thumbnails"].tensors))
