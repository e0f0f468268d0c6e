"""The member that classifies transformations: an image whose turn, mirroring and shift it cannot tell is anomalous.

Its errors differ from those of a member that reconstructs, since it depends on the content of an image and not on the error
of its pixels (Golan and El-Yaniv 2018).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from sablier.images.preprocess import Preprocess
from sablier.modelfile import Part
from sablier.models.base import Model
from sablier.part_kinds import WHOLE, PartConfig, PartKind, TensorKind
from sablier.tasks.detection.members.base import Fitting, Member, MemberOutput, member
from sablier.training.objectives import Objective, TransformationPrediction
from sablier.transforms.geometry import Geometry
from sablier.typing import Array

INDISTINCT = 0.15  # mean probability of another orientation from which on the two are not distinguished
SURE = 0.01  # added to a negative log-probability before the next logarithm: beyond it, certainty does not count


class OrientationsConfig(PartConfig):
    """The largest shift in training, a share of each side."""

    shift: float = Field(ge=0, le=0.5)


@member
@dataclass(frozen=True)
class Transformations(Member):
    """A network that was trained on `TransformationPrediction`, and the orientations that normal images distinguish.

    Every image is scored in each orientation, each with another shift. The statistic is the log mean negative
    log-probability of the applied transformation. Orientations that normal images do not distinguish, such as a T-shirt and
    its mirror image, count as one.

    Args:
        shift: by how much images are shifted, a share of each side, as in training.
        groups: K, the number of the group that each orientation belongs to.
    """

    kind: ClassVar[str] = "transformations"
    weight: ClassVar[float] = 1.0
    sees: ClassVar[str] = (
        "A network predicts how the image was rotated, mirrored and shifted. Its errors are larger on images that "
        "differ from normal ones."
    )
    objective: ClassVar[type[Objective] | None] = TransformationPrediction
    needs: ClassVar[tuple[str, ...]] = ("classify",)
    part_kinds: ClassVar[Mapping[str, PartKind]] = {
        "orientations": PartKind({"groups": TensorKind(("orientations",), WHOLE, 0, 7)}, OrientationsConfig)
    }

    network: Model
    shift: float
    groups: Array

    @classmethod
    def network_options(cls, objective: Objective, preprocess: Preprocess) -> dict[str, Any]:
        shift = objective.shift if isinstance(objective, TransformationPrediction) else 0.0
        return {"classes": Geometry.of(preprocess.height, preprocess.width, shift).outputs}

    @classmethod
    def fit(cls, fitting: Fitting) -> "Transformations":
        """Find the orientations that normal images distinguish."""
        network, objective = fitting.trained(TransformationPrediction)
        shift = objective.shift
        every = cls(network, shift, np.empty(0))
        with torch.no_grad():
            given = [
                torch.stack([orientation.exp() for orientation, _ in every._views(batch.x)], dim=1)
                for batch in fitting.normal.for_scoring()
            ]
        return cls(network, shift, groups_of(torch.cat(given).mean(dim=0).numpy()))

    def score(self, x: Tensor, pictures: bool = True) -> MemberOutput:
        views = self._views(x)
        surprise = x.new_zeros(x.shape[0], dtype=torch.float64)
        for number, (own, (orientation, shift)) in enumerate(zip(self.groups, views, strict=True)):
            alike = torch.from_numpy(np.flatnonzero(self.groups == own))
            surprise = surprise - (torch.logsumexp(orientation[:, alike], dim=1) + shift[:, number])
        mean = (surprise / len(views)).clamp_min(0)
        return MemberOutput((mean + SURE).log()[:, None])

    def _views(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return, for each view, the log-probabilities of all orientations and of all shifts."""
        height, width, _ = self.network.shape
        geometry = Geometry.of(height, width, self.shift)
        views = []
        for number in range(len(geometry.orientations)):
            logits = self.network.classify(geometry.view(x, number)).double()
            orientation, shift = torch.split(logits, [len(table) for table in geometry], dim=1)
            views.append((F.log_softmax(orientation, dim=1), F.log_softmax(shift, dim=1)))
        return views

    def parts(self) -> Mapping[str, Part]:
        return {
            "net": Part.of_model(self.network),
            "groups": Part("orientations", {"shift": self.shift}, {"groups": self.groups}),
        }

    @classmethod
    def from_parts(cls, parts: Mapping[str, Part], shared: Any = None) -> "Transformations":
        kept = parts["groups"]
        network, shift = parts["net"].to_model("classify"), TransformationPrediction(float(kept.config["shift"])).shift
        orientations = len(Geometry.of(*network.shape[:2], shift).orientations)
        if kept.tensors["groups"].shape != (orientations,):
            raise ValueError(f"groups of {kept.tensors['groups'].shape} for {orientations} orientations")
        return cls(network, shift, kept.tensors["groups"])


def groups_of(confused: Array) -> Array:
    """Return the group of each orientation, given K,K mean probabilities of one (column) where it was another (row).

    >>> groups_of(np.array([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])).tolist()
    [0, 0, 1]
    """
    from scipy.sparse.csgraph import connected_components

    return np.asarray(connected_components((confused + confused.T) / 2 >= INDISTINCT, directed=False)[1])
