"""The member that compares pretrained features: the distance of each place from the features of good images."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from sablier.backbones import BackboneFile
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import Part
from sablier.models.base import Model
from sablier.models.efficientnet_lite import TILE, pretrained
from sablier.part_fit import check_fit
from sablier.part_kinds import MOST_IMAGES, PartConfig, PartKind, TensorKind
from sablier.tasks.detection.members.base import Fitting, Member, MemberOutput, member
from sablier.tasks.detection.place_mixture import PlaceMixture
from sablier.tasks.detection.place_moments import PlaceMoments
from sablier.tasks.detection.places import PlaceSums, highest
from sablier.tasks.detection.remembered import Remembered

SMALLEST = 1e-6
MOMENTS = "place-moments"  # the kind of part of sums over training images

_Side = Annotated[int, Field(ge=1, le=4096)]


class _Summed(PartConfig):
    images: int = Field(ge=2, le=MOST_IMAGES)
    grid: list[_Side] = Field(min_length=2, max_length=2)  # of places


@member
@dataclass(frozen=True)
class Features(Member):
    """A pretrained network, and mixtures of Gaussians of its features at the places of good images.

    The map holds the Mahalanobis distance of each place from the nearest Gaussian. It is averaged over the views, weighted
    by the square of their number of places, since fine views localise best. The statistics are the logarithms of the mean
    distance of the highest places of each view.
    """

    kind: ClassVar[str] = "features"
    sees: ClassVar[str] = (
        "A pretrained network (EfficientNet-Lite0) computes features at each place of the image. Their Mahalanobis distance from "
        "those of good images is the anomaly score of the place. The highest places count."
    )
    map_shows: ClassVar[str] = "The Mahalanobis distance of pretrained features at each place from those of good images"
    map_is_even: ClassVar[bool] = True
    takes_tiles: ClassVar[bool] = True
    part_kinds: ClassVar[Mapping[str, PartKind]] = {
        "places": PartKind(
            {
                "means": TensorKind(("down", "across", "D"), ("float16",), optional=True),  # of earlier files, without moments
                "centres": TensorKind(("K", "D")),
                "whitening": TensorKind(("K", "D", "D")),
                "penalties": TensorKind(("K",), low=0.0),
            }
        ),
        MOMENTS: PartKind(
            {
                "totals": TensorKind(("down", "across", "D"), ("float64", "float32")),  # float32 in earlier files
                "products": TensorKind(("any",), ("float64",)),
            },
            _Summed,
        ),
    }

    backbone: Remembered
    good: tuple[PlaceMixture, ...]
    moments: tuple[PlaceMoments, ...] = ()  # of each view; none in earlier model files

    @property
    def trained_network(self) -> Model | None:
        return self.backbone.network

    @classmethod
    def share(cls, preprocess: Preprocess, backbone: BackboneFile | None, folds: int, tiles: int = 0) -> Remembered:
        shape = (preprocess.height, preprocess.width, preprocess.channels)
        return Remembered(pretrained(shape, tiles or TILE), keeps=folds > 1)

    def shared_parts(self) -> Mapping[str, Part]:
        return {"backbone": Part.of_model(self.backbone.network)}

    @classmethod
    def from_shared_parts(cls, parts: Mapping[str, Part], preprocess: Preprocess, backbone: BackboneFile | None) -> Remembered:
        return Remembered.for_use(parts["backbone"].to_model("describe"), preprocess)

    @classmethod
    def fit(cls, fitting: Fitting) -> Self:
        """Sum the features of the training images in one pass; the sums of parts are kept for other folds."""
        parts = [fitting.shared.sums(part, fitting.preprocess, fitting.seed) for part in fitting.parts]
        views = [PlaceSums.joined(of_parts) for of_parts in zip(*parts, strict=True)]
        mixtures = tuple(PlaceMixture.fit(each, fitting.seed) for each in views)
        return cls(fitting.shared, mixtures, tuple(each.moments for each in views))

    @property
    def fixed_by(self) -> str:
        return "" if self.moments else "the model file is of an earlier version, which kept no sums over training images"

    def updated(self, images: ImageSet, preprocess: Preprocess) -> Self:
        """Return the member with the moments of more images: their means and their whitening, and the components as they were."""
        more = [sums.moments for sums in self.backbone.sums(images, preprocess)]
        check_fit("views of the network", len(self.good), len(more))
        joined = [before.joined(own) for before, own in zip(self.moments, more, strict=True)]
        pairs = zip(self.good, self.moments, joined, strict=True)
        return replace(self, good=tuple(good.renewed(before, after) for good, before, after in pairs), moments=tuple(joined))

    def score(self, x: Tensor, pictures: bool = True) -> MemberOutput:
        distances = self.backbone.distances(x, self.good)
        statistics = (torch.stack([highest(each) for each in distances], dim=1).double() + SMALLEST).log()
        if not (pictures and self.map_shows):
            return MemberOutput(statistics)
        fineness = np.array([float(each[0].numel()) ** 2 for each in distances])
        enlarged = [F.interpolate(each[:, None], x.shape[2:], mode="bilinear")[:, 0] for each in distances]
        parts = [share * each for share, each in zip((fineness / fineness.sum()).tolist(), enlarged, strict=True)]
        return MemberOutput(statistics, torch.stack(parts).sum(dim=0))

    def appearance(self, x: Tensor) -> Tensor:
        """Return the whitened residuals of the last view, the one with the most context."""
        return self.good[-1].whitened(self.backbone.describe(x)[-1])

    def parts(self) -> Mapping[str, Part]:
        """Return a part for each view; the means are those of its moments, if there are any."""
        kept = [good.tensors() for good in self.good]
        if not self.moments:
            return {f"view-{number}": Part("places", {}, tensors) for number, tensors in enumerate(kept)}
        parts = {}
        for number, (tensors, moments) in enumerate(zip(kept, self.moments, strict=True)):
            parts[f"view-{number}"] = Part("places", {}, {name: each for name, each in tensors.items() if name != "means"})
            parts[f"moments-{number}"] = Part(MOMENTS, {"images": moments.count, "grid": list(moments.grid)}, moments.tensors())
        return parts

    @classmethod
    def from_parts(cls, parts: Mapping[str, Part], shared: Any = None) -> Self:
        if shared is None:
            raise ValueError(f"no network of the member {cls.kind}")
        count = sum(part.name == "places" for part in parts.values())
        views = [dict(parts[f"view-{number}"].tensors) for number in range(count)]
        if not any(part.name == MOMENTS for part in parts.values()):
            return cls(shared, tuple(map(PlaceMixture.from_tensors, views)))
        moments = tuple(_moments_in(parts[f"moments-{number}"]) for number in range(count))
        for view, own in zip(views, moments, strict=True):
            check_fit("features of places", len(own.products), view["centres"].shape[1])
            view["means"] = own.means
        return cls(shared, tuple(map(PlaceMixture.from_tensors, views)), moments)


def _moments_in(part: Part) -> PlaceMoments:
    height, width = part.config["grid"]
    return PlaceMoments.from_tensors(part.config["images"], (height, width), part.tensors)
