"""The member that compares place by place: the distance of each patch to the good patches at that place."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from sablier.modelfile import Part
from sablier.part_kinds import POSITIVE, PartKind, TensorKind
from sablier.tasks.detection.filters import Filters
from sablier.tasks.detection.members.base import Fitting, Member, MemberOutput, member
from sablier.tasks.detection.patch_statistics import PatchStatistics, enough_of


@member
@dataclass(frozen=True)
class Patches(Member):
    """Descriptors of good images at each place. The statistic is the logarithm of the highest anomaly score of a place."""

    kind: ClassVar[str] = "patches"
    weight: ClassVar[float] = 1.0
    part_kinds: ClassVar[Mapping[str, PartKind]] = {
        "filters": PartKind({"filters": TensorKind(("L", "K", "channels", 7, 7)), "offsets": TensorKind(("L", "K"))}),
        "patches": PartKind(
            {
                "centre": TensorKind(("D",)),
                "spread": TensorKind(("D",), low=POSITIVE),
                "kept": TensorKind(("N", "D", "down", "across"), ("float16",)),
            }
        ),
    }
    sees: ClassVar[str] = (
        "No network: small patches of the image are compared with those of the good images at the same place, by how "
        "strongly they respond to filters computed from the good images. The highest place counts."
    )
    map_shows: ClassVar[str] = "The squared distance of each patch to the nearest good one that was there"

    filters: Filters
    good: PatchStatistics

    @classmethod
    def fit(cls, fitting: Fitting) -> "Patches":
        """Describe training images."""
        pixels, rule = fitting.training.array, fitting.preprocess
        pixels = enough_of(pixels, Filters.values(rule.height, rule.width), fitting.seed)
        filters = Filters.fit(pixels, rule, fitting.seed)
        return cls(filters, PatchStatistics.fit(filters, pixels, rule))

    def score(self, x: Tensor, pictures: bool = True) -> MemberOutput:
        statistic, logarithm = self.good.statistics(x)
        return MemberOutput(statistic.double(), logarithm.exp() if pictures else None)

    def parts(self) -> Mapping[str, Part]:
        filters = {"filters": self.filters.filters, "offsets": self.filters.offsets}
        return {"filters": Part("filters", {}, filters), "descriptors": Part("patches", {}, self.good.tensors())}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Part], shared: Any = None) -> "Patches":
        filters = Filters(**parts["filters"].tensors)
        return cls(filters, PatchStatistics(filters, **parts["descriptors"].tensors))
