"""The classes of recipes: a recipe is a complete configuration, each value of which can be set. Each task has its own class."""

from dataclasses import asdict, dataclass, field, fields
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import Field

from sablier.errors import ConfigError, UnknownName
from sablier.limits import check_limits
from sablier.models.registry import list_models, model_options
from sablier.training.config import FitConfig
from sablier.training.objectives import Objective, Reconstruction


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """A network and its training."""

    model: str = "bottleneck"
    options: dict[str, Any] = field(default_factory=dict)  # of the model; others keep their defaults
    objective: Objective = field(default_factory=Reconstruction)
    fit: FitConfig = field(default_factory=FitConfig)
    rates: dict[str, float] = field(default_factory=dict)  # learning rates of other optimizers, if set without a rate

    def __post_init__(self) -> None:
        if self.model not in list_models():
            raise UnknownName("model", self.model, list_models())

    def settings(self) -> dict[str, Any]:
        """Return every key that `--set` takes, with its present value."""
        return asdict(self.objective) | asdict(self.fit) | model_options(self.model) | self.options


PARTS = ("name", "tier", "others", *(item.name for item in fields(NetworkConfig)))  # of a recipe that are no single values


@dataclass(frozen=True, kw_only=True)
class Recipe(NetworkConfig):
    """Everything that decides how a model is made from images. The class of a task adds what only that task uses.

    `others` are further networks, by name.
    """

    task: ClassVar[str]
    usual: ClassVar[str]  # the recipe that errors suggest in place of one of another task

    name: str
    tier: str = "base"  # the tier that the values come from, before single ones were changed
    others: dict[str, NetworkConfig] = field(default_factory=dict)
    # Longer side in pixels that photos are scaled to, or of patches; small images of one size stay whole
    size: Annotated[int, Field(ge=8, le=4096)] = 128
    # Of the images, held out to fit corrections on and to validate with
    fusion_share: Annotated[float, Field(ge=0.01, le=0.4)] = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_limits(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain values, for the model file."""
        return {"task": self.task, **asdict(self)}

    def settings(self) -> dict[str, Any]:
        """Return every key that `--set` takes, with its present value; those of other networks have their name as a prefix."""
        flat = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in PARTS}
        flat = {key: ",".join(value) if isinstance(value, tuple) else value for key, value in flat.items()}
        others = {f"{name}.{key}": value for name, other in self.others.items() for key, value in other.settings().items()}
        return {"model": self.model} | flat | super().settings() | others

    def most_trainings(self) -> int:
        """Return the largest number of networks that are trained, each with its own checkpoint."""
        return 1 + len(self.others)


R = TypeVar("R", bound=Recipe)


def of_task(recipe: Recipe, kind: type[R]) -> R:
    """Return a recipe, checked to be of a task.

    Raises:
        ConfigError: if it is the recipe of another task.
    """
    if not isinstance(recipe, kind):
        raise ConfigError(
            f"expected a recipe made to {kind.task}, got {recipe.name!r}, made to {recipe.task}. Use {kind.usual!r}."
        )
    return recipe
