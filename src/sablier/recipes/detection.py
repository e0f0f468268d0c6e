"""The configuration of a detector."""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Self

from pydantic import Field

from sablier.errors import ConfigError, UnknownName
from sablier.recipes.config import NetworkConfig, Recipe, of_task
from sablier.tasks.detection.members import MEMBERS
from sablier.tasks.detection.members.backbone import OwnBackbone

LARGEST, SMALLEST_TILE = 4096, 64  # pixels of the longer side of a photo, and of a tile


@dataclass(frozen=True, kw_only=True)
class DetectionRecipe(Recipe):
    """How a detector is made. `others` are networks of members, by kind; a member without one uses the recipe's own."""

    task: ClassVar[str] = "detect"
    usual: ClassVar[str] = "detector"

    # The members for small images, and for photos, whose defects may be small
    members: tuple[str, ...] = ("restoration",)
    photo_members: tuple[str, ...] = ("restoration",)
    # Pixels of the longer side above which an image is a photo
    photo_side: Annotated[int, Field(ge=1, le=4096)] = 64
    # Whether the contamination filter excludes training images that may not belong
    contamination_filter: bool = True
    # Whether images that repeat each other are joined to groups, each of which counts once
    repeats: bool = True
    # With fewer images than `folds_below`, the number of cross-conformal folds, each with its own model; otherwise one split
    folds: Annotated[int, Field(ge=2, le=50)] = 5
    folds_below: int = 300
    # Share of `steps` and `megapixels` that each fold is trained for, since few images need less
    fold_effort: Annotated[float, Field(ge=0.01, le=1)] = 0.4
    # Side of the tiles in which photos are computed at full resolution; 0 scales photos to `size` instead
    tiles: Annotated[int, Field(ge=0, le=LARGEST)] = 0
    # Of the images, held out for calibration
    calibration_share: Annotated[float, Field(ge=0.01, le=0.5)] = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("members", "photo_members"):
            self._check_members(name, getattr(self, name))
        if self.tiles:
            self._check_tiles()

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
            raise ConfigError(f"expected one of {', '.join(telling)} among {name}: only they have anomaly maps. Add one.")

    def _check_tiles(self) -> None:
        if self.tiles < SMALLEST_TILE:
            raise ConfigError(f"expected tiles of {SMALLEST_TILE} to {LARGEST} pixels a side, got {self.tiles}.")
        whole = [kind for kind in self.photo_members if not MEMBERS[kind].takes_tiles]
        if whole:
            takers = ", ".join(kind for kind, member in MEMBERS.items() if member.takes_tiles)
            raise ConfigError(
                f"expected members that can compute photos in tiles, {takers}, got {', '.join(whole)}. Leave out the members, "
                "or the tiles."
            )

    @property
    def longer_side(self) -> int:
        """The largest number of pixels of the longer side of photos, which larger ones are scaled to."""
        return LARGEST if self.tiles else self.size

    def network_of(self, kind: str) -> NetworkConfig | None:
        """Return the network of a member; None for a member without one."""
        return None if MEMBERS[kind].objective is None else self.others.get(kind, self)

    def networks(self, longer_side: int) -> dict[str, NetworkConfig | None]:
        """Return the network of each member for images with so many pixels on the longer side; None for a member without one."""
        kinds = self.photo_members if longer_side > self.photo_side else self.members
        return {kind: self.network_of(kind) for kind in kinds}

    def with_backbone(self) -> Self:
        """Return the recipe with the user's feature network as its only member, unless it names others as well.

        Raises:
            ConfigError: if it names other members than its tier has, and that network is not among them.
        """
        from sablier.recipes.make import make_recipe  # which imports this module

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
