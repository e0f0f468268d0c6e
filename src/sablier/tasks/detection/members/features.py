"""The member that compares pretrained features: the distance of each place from the features of good images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sablier.backbones import BackboneFile
from sablier.images.preprocess import Preprocess
from sablier.modelfile import Part
from sablier.models.base import Model
from sablier.models.efficientnet_lite import TILE, pretrained
from sablier.part_fit import check_fit
from sablier.part_kinds import PartKind, TensorKind
from sablier.tasks.detection.members.base import Fitting, Member, MemberOutput, member
from sablier.tasks.detection.place_mixture import PlaceMixture
from sablier.tasks.detection.places import PlaceSums, highest
from sablier.tasks.detection.remembered import Remembered

SMALLEST = 1e-6


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
                "means": TensorKind(("down", "across", "D"), ("float16",)),
                "centres": TensorKind(("K", "D")),
                "whitening": TensorKind(("K", "D", "D")),
                "penalties": TensorKind(("K",), low=0.0),
            }
        )
    }

    backbone: Remembered
    good: tuple[PlaceMixture, ...]

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
        return Remembered(parts["backbone"].to_model("describe"))

    @classmethod
    def fit(cls, fitting: Fitting) -> Self:
        """Sum the features of the training images in one pass; the sums of parts are kept for other folds."""
        parts = [fitting.shared.sums(part, fitting.preprocess, fitting.seed) for part in fitting.parts]
        views = [PlaceSums.joined(of_parts) for of_parts in zip(*parts, strict=True)]
        return cls(fitting.shared, tuple(PlaceMixture.fit(each, fitting.seed) for each in views))

    def score(self, x: Tensor) -> MemberOutput:
        views = self.backbone.describe(x)
        check_fit("views of the network", len(self.good), len(views))
        distances = [good.distances(view) for good, view in zip(self.good, views, strict=True)]
        statistics = np.log(np.stack([highest(each).numpy() for each in distances], axis=1).astype(np.float64) + SMALLEST)
        if not self.map_shows:
            return MemberOutput(statistics)
        fineness = np.array([float(each[0].numel()) ** 2 for each in distances])
        anomaly_map = sum(
            share * F.interpolate(each[:, None], x.shape[2:], mode="bilinear")[:, 0]
            for share, each in zip((fineness / fineness.sum()).tolist(), distances, strict=True)
        )
        return MemberOutput(statistics, torch.as_tensor(anomaly_map).numpy())

    def appearance(self, x: Tensor) -> Tensor:
        """Return the whitened residuals of the last view, the one with the most context."""
        return self.good[-1].whitened(self.backbone.describe(x)[-1])

    def parts(self) -> Mapping[str, Part]:
        return {f"view-{number}": Part("places", {}, good.tensors()) for number, good in enumerate(self.good)}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Part], shared: Any = None) -> Self:
        if shared is None:
            raise ValueError(f"no network of the member {cls.kind}")
        kept = [parts[f"view-{number}"] for number in range(len(parts))]
        return cls(shared, tuple(PlaceMixture.from_tensors(part.tensors) for part in kept))
