"""The configuration of a detector."""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Self

from pydantic import Field

from sablier.errors import ConfigError, UnknownName
from sablier.recipes.config import NetworkConfig, Recipe, of_task
from sablier.tasks.detection.members import MEMBERS
from sablier.tasks.detection.members.backbone import OwnBackbone


@dataclass(frozen=True, kw_only=True)
class DetectionRecipe(Recipe):
    """How a detector is made. `others` are networks of members, by their kind; a member without one uses the recipe's own."""

    task: ClassVar[str] = "detect"
    usual: ClassVar[str] = "detector"

    # Ways to look at small images, and at photos, whose defects may be small
    members: tuple[str, ...] = ("restoration",)
    photo_members: tuple[str, ...] = ("restoration",)
    # Pixels of the longer side above which an image is a photo
    photo_side: Annotated[int, Field(ge=1, le=4096)] = 64
    # Whether training images that may not belong among the others are kept from teaching anything
    contamination_filter: bool = True
    # Whether images that repeat each other are looked for; they form groups, and each group counts once
    repeats: bool = True
    # Cross-conformal folds, each a model of its own, where images are few: with fewer than `folds_below`, else one split
    folds: Annotated[int, Field(ge=2, le=50)] = 5
    folds_below: int = 300
    # Share of `steps` and `megapixels` that each fold trains for: few images are soon learnt
    fold_effort: Annotated[float, Field(ge=0.01, le=1)] = 0.4
    # Of the images, held out for the promise
    calibration_share: Annotated[float, Field(ge=0.01, le=0.5)] = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("members", "photo_members"):
            self._check_members(name, getattr(self, name))

    def _check_members(self, name: str, kinds: tuple[str, ...]) -> None:
        known = MEMBERS
        if not kinds:
            raise ConfigError(f"expected {name}, one or more of {', '.join(known)}, got none.")
        for kind in kinds:
            if kind not in known:
                raise UnknownName("member", kind, known)
            objective, network = known[kind].objective, self.network_of(kind)
            if objective is not None and not (network and isinstance(network.objective, objective)):
                raise ConfigError(f"recipe {self.name} has no network for the member {kind}. Use the recipe detector.")
        if not any(known[kind].map_shows for kind in kinds):
            telling = [kind for kind, member in known.items() if member.map_shows]
            raise ConfigError(f"expected one of {', '.join(telling)} among {name}: only they say where. Add one.")

    def network_of(self, kind: str) -> NetworkConfig | None:
        """Return the network of a member; None for one without."""
        return None if MEMBERS[kind].objective is None else self.others.get(kind, self)

    def networks(self, longer_side: int) -> dict[str, NetworkConfig | None]:
        """Return the network of each member of a detector of images of so many pixels; None for a member without one."""
        kinds = self.photo_members if longer_side > self.photo_side else self.members
        return {kind: self.network_of(kind) for kind in kinds}

    def with_backbone(self) -> Self:
        """Return the recipe as it looks with a feature network of the user's own, alone unless it names others beside.

        Raises:
            ConfigError: where it names other members than its tier does, and that network is not among them.
        """
        from sablier.recipes.make import make_recipe  # which imports this

        own = OwnBackbone.kind
        if own in self.members or own in self.photo_members:
            return self
        usual = of_task(make_recipe(self.name, self.tier), DetectionRecipe)
        for name in ("members", "photo_members"):
            if (asked := getattr(self, name)) != getattr(usual, name):
                raise ConfigError(
                    f"--backbone looks in place of the members, but {name}={','.join(asked)} was asked for. To have both look: "
                    f"--set {name}={','.join((*asked, own))}"
                )
        return replace(self, members=(own,), photo_members=(own,))

    def most_trainings(self) -> int:
        return self.folds * max(len(self.members), len(self.photo_members))
