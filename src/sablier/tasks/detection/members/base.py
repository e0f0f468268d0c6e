"""What a member of a detector is: one way to score images, beside others."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar

from torch import Tensor

from sablier.backbones import BackboneFile
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import Part
from sablier.models.base import Model
from sablier.part_kinds import PartKind, declare
from sablier.registry import Registry
from sablier.training.objectives import Objective
from sablier.transforms.batches import Batches
from sablier.typing import Array

Kind = TypeVar("Kind", bound=Objective)


@dataclass(frozen=True)
class MemberOutput:
    """What one member makes of N images.

    Args:
        statistics: N,J float64; higher is stranger. Most are logarithms, so that differences are ratios.
        anomaly_map: N,H,W, how strange each place is, in the member's own unit; None for one that cannot tell.
        reconstructions: N,H,W,C in [0, 1]; None for one that draws nothing.
    """

    statistics: Array
    anomaly_map: Array | None = None
    reconstructions: Array | None = None


@dataclass(frozen=True)
class Fitting:
    """What a member is fitted on.

    Args:
        parts: dense normal images, as `preprocess` makes them, in disjoint sets. What is summed up over a set may be kept, since
            members of other folds learn from it, too.
        normal: the images that members are fused on, at least two of them: held-out ones where there are enough.
        seed: of what is drawn at random.
        network: trained on the training images with `objective`, of a member that has one.
        shared: what the kind shares among folds, as its `share` made it.
    """

    parts: tuple[ImageSet, ...]
    preprocess: Preprocess
    normal: Batches
    seed: int = 0
    network: Model | None = None
    objective: Objective | None = None
    shared: Any = None

    @property
    def training(self) -> ImageSet:
        """All images of all parts."""
        return ImageSet.concatenate(self.parts)

    def trained(self, kind: type[Kind]) -> tuple[Model, Kind]:
        """Return the network and the objective that it was trained with.

        Raises:
            TypeError: where there is no network, or it was trained with another kind of objective.
        """
        if self.network is None or not isinstance(self.objective, kind):
            raise TypeError(f"expected a network trained with {kind.__name__}, got {self.network} with {self.objective}.")
        return self.network, self.objective


class Member(ABC):
    """One way to score images. A subclass in a file of this package, marked with `@member`, is all that a new one takes.

    Args:
        kind: its name in recipes and in model files.
        weight: how much it counts beside others, on small images.
        sees: in a sentence or two, what it compares; reports say so.
        map_shows: what its anomaly map shows; "" for one that cannot tell where.
        map_is_even: whether maps of good images are alike at all places, so that they are not divided by what is usual there.
        draws: whether it draws what it expected, and says where, too.
        objective: what its network is trained with; None for a member without one.
        needs: what its network must be able to do.
        part_kinds: the kinds of parts that it alone writes to a model file, by name.
    """

    kind: ClassVar[str]
    weight: ClassVar[float] = 1.0
    sees: ClassVar[str]
    map_shows: ClassVar[str] = ""
    map_is_even: ClassVar[bool] = False
    draws: ClassVar[bool] = False
    objective: ClassVar[type[Objective] | None] = None
    needs: ClassVar[tuple[str, ...]] = ()
    part_kinds: ClassVar[Mapping[str, PartKind]] = {}

    @property
    def trained_network(self) -> Model | None:
        """The network it looks with: its field `network`, of a member that has one."""
        return vars(self).get("network")

    @classmethod
    def network_options(cls, objective: Objective, preprocess: Preprocess) -> dict[str, Any]:
        """Return options that its network needs for images of this size, besides those of the recipe."""
        return {}

    @classmethod
    def share(cls, preprocess: Preprocess, backbone: BackboneFile | None, folds: int) -> Any:
        """Return what members of this kind share among all folds of a detector; it must not depend on any image.

        Args:
            backbone: the feature network that the user has named, if any.
            folds: how many there are.
        """
        return None

    def shared_parts(self) -> Mapping[str, Part]:
        """Return what a model file keeps once for all folds of what is shared, by name."""
        return {}

    @classmethod
    def from_shared_parts(cls, parts: Mapping[str, Part], preprocess: Preprocess, backbone: BackboneFile | None) -> Any:
        """Return what `shared_parts` kept; `backbone` is the file that it names, where the user has named it, too."""
        return None

    @classmethod
    @abstractmethod
    def fit(cls, fitting: Fitting) -> Self:
        """Fit it on normal images."""

    @abstractmethod
    def score(self, x: Tensor) -> MemberOutput:
        """Score N,C,H,W images in [0, 1]."""

    @abstractmethod
    def parts(self) -> Mapping[str, Part]:
        """Return what a model file keeps of it, by name."""

    @classmethod
    @abstractmethod
    def from_parts(cls, parts: Mapping[str, Part], shared: Any = None) -> Self:
        """Return the member that `parts` kept, beside what its kind shares among folds."""


M = TypeVar("M", bound=type[Member])
MEMBERS: Registry[type[Member]] = Registry("member", "sablier.tasks.detection.members")


def member(made: M) -> M:
    """Register a kind of member under its own name, and the kinds of parts that it writes.

    Raises:
        ConfigError: where the name is taken.
    """
    MEMBERS.add(made.kind, made)
    for name, kind in made.part_kinds.items():
        declare(name, kind)
    return made
