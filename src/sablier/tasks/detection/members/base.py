"""The base class of the members of a detector: a member is one way to score images."""

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

Kind = TypeVar("Kind", bound=Objective)


@dataclass(frozen=True)
class MemberOutput:
    """The output of one member on N images.

    Args:
        statistics: N,J float64; higher is more anomalous. Most are logarithms, so differences are ratios.
        anomaly_map: N,H,W float32, anomaly scores of pixels in the member's own unit; None for a member that cannot localise,
            or if no pictures were asked for.
        reconstructions: N,H,W,C float32 in [0, 1]; None for a member that does not reconstruct, or if no pictures were asked
            for.
    """

    statistics: Tensor
    anomaly_map: Tensor | None = None
    reconstructions: Tensor | None = None


@dataclass(frozen=True)
class Fitting:
    """What a member is fitted on.

    Args:
        parts: dense normal images, as `preprocess` makes them, in disjoint sets. Sums over a set may be kept, since members
            of other folds are fitted to it, too.
        normal: at least two images that members are fused on, held out if there are enough.
        seed: of random choices.
        network: trained on the training images with `objective`, for a member that has one.
        shared: what the members of this kind share among folds, from `share`.
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
            TypeError: if there is no network, or the objective is of another kind.
        """
        if self.network is None or not isinstance(self.objective, kind):
            raise TypeError(f"expected a network trained with {kind.__name__}, got {self.network} with {self.objective}.")
        return self.network, self.objective


class Member(ABC):
    """One way to score images. A new one is a subclass in a file of this package, marked with `@member`.

    Args:
        kind: its name in recipes and in model files.
        weight: its weight among the members, on small images.
        sees: what it compares, in a sentence or two, for reports.
        map_shows: what its anomaly map shows; "" for a member that cannot localise.
        map_is_even: whether maps of good images are alike everywhere, so they are not divided by the usual value of a place.
        draws: whether it returns reconstructions, and localises.
        takes_tiles: whether it computes large photos in tiles.
        objective: what its network is trained with; None for a member without one.
        needs: the capabilities that its network must have.
        part_kinds: the kinds of parts that only it writes to a model file, by name.
    """

    kind: ClassVar[str]
    weight: ClassVar[float] = 1.0
    sees: ClassVar[str]
    map_shows: ClassVar[str] = ""
    map_is_even: ClassVar[bool] = False
    draws: ClassVar[bool] = False
    takes_tiles: ClassVar[bool] = False
    objective: ClassVar[type[Objective] | None] = None
    needs: ClassVar[tuple[str, ...]] = ()
    part_kinds: ClassVar[Mapping[str, PartKind]] = {}

    @property
    def trained_network(self) -> Model | None:
        """The network it uses: its field `network`, if it has one."""
        return vars(self).get("network")

    @classmethod
    def network_options(cls, objective: Objective, preprocess: Preprocess) -> dict[str, Any]:
        """Return options that its network needs for images of this size, besides those of the recipe."""
        return {}

    @classmethod
    def share(cls, preprocess: Preprocess, backbone: BackboneFile | None, folds: int, tiles: int = 0) -> Any:
        """Return what members of this kind share among all folds of a detector; it must not depend on any image.

        Args:
            backbone: the feature network that the user named, if any.
            folds: how many there are.
            tiles: the side of the tiles in which photos are computed; 0 computes them whole.
        """
        return None

    def shared_parts(self) -> Mapping[str, Part]:
        """Return the shared parts that a model file keeps once for all folds, by name."""
        return {}

    @classmethod
    def from_shared_parts(cls, parts: Mapping[str, Part], preprocess: Preprocess, backbone: BackboneFile | None) -> Any:
        """Return what `shared_parts` kept; `backbone` is the file that it names, if the user named it."""
        return None

    @classmethod
    @abstractmethod
    def fit(cls, fitting: Fitting) -> Self:
        """Fit the member on normal images."""

    @abstractmethod
    def score(self, x: Tensor, pictures: bool = True) -> MemberOutput:
        """Score N,C,H,W images in [0, 1], in operations of torch that `torch.export` can trace.

        Args:
            pictures: whether to compute the anomaly map and the reconstructions, where the member has them.
        """

    def appearance(self, x: Tensor) -> Tensor | None:
        """Return N,D,h,w features of places of N,C,H,W images, in which defects that look alike are near; None without any."""
        return None

    @property
    def fixed_by(self) -> str:
        """Why images cannot be added to it without training, after "since"; "" if they can."""
        return f"its member {self.kind} is made from all training images at once"

    def updated(self, images: ImageSet, preprocess: Preprocess) -> Self:
        """Return the member after more training images, with every choice as it was; only where `fixed_by` is empty.

        Args:
            images: dense good images.
        """
        raise NotImplementedError(self.kind)

    @abstractmethod
    def parts(self) -> Mapping[str, Part]:
        """Return the parts that a model file keeps of it, by name."""

    @classmethod
    @abstractmethod
    def from_parts(cls, parts: Mapping[str, Part], shared: Any = None) -> Self:
        """Return the member that `parts` kept, with what its kind shares among folds."""


M = TypeVar("M", bound=type[Member])
MEMBERS: Registry[type[Member]] = Registry("member", "sablier.tasks.detection.members")


def member(made: M) -> M:
    """Register a kind of member under its own name, and the kinds of parts that it writes.

    Raises:
        ConfigError: if the name is taken.
    """
    MEMBERS.add(made.kind, made)
    for name, kind in made.part_kinds.items():
        declare(name, kind)
    return made
