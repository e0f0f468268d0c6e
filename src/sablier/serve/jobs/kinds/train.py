"""Jobs that train a model."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from sablier.errors import ConfigError
from sablier.images.grouping import parse_groups
from sablier.recipes.config import Recipe
from sablier.recipes.make import make_recipe
from sablier.recipes.names import DEFAULT
from sablier.serve.jobs.kinds.base import Kind, Places
from sablier.workflows.training.forecast import OnProgress

ModelName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$", description="Of the model file that is written, without ending.")
]
Groups = Annotated[
    str | None,
    Field(max_length=200, description="Which images are dependent: 'folder', or 'regex:' and a pattern in their names."),
]
NO_TABLE = ("folder", "regex:")  # what groups may begin with: a table of groups would be a file of the server


class Train(Kind):
    """Trains what a recipe makes, as `sablier train` does."""

    kind: ClassVar[str] = "train"
    takes: ClassVar[tuple[str, ...]] = ("source",)
    continues: ClassVar[bool] = True
    writes_model: ClassVar[bool] = True

    name: ModelName = "model"
    recipe: Annotated[str, Field(max_length=100, description="What to train.")] = DEFAULT
    tier: Annotated[Literal["tiny", "small", "base", "large"], Field(description="Time against quality.")] = "base"
    settings: Annotated[
        tuple[Annotated[str, Field(max_length=200)], ...],
        Field(
            max_length=100, description="Single values of the recipe, such as 'epochs=20', as `sablier train --set` takes them."
        ),
    ] = ()
    seed: Annotated[int, Field(ge=0, le=2**32 - 1, description="The same seed gives the same model on the same machine.")] = 0
    dtype: Annotated[
        Literal["float32", "bfloat16", "auto"],
        Field(
            description="The arithmetic of training. 'auto' chooses by the time that a few steps take, so the same job may give "
            "another model when it is submitted, or resumed, again."
        ),
    ] = "float32"
    groups: Groups = None
    strict: Annotated[bool, Field(description="Whether an image that cannot be read is an error.")] = False

    def check(self, sources: Mapping[str, Any]) -> None:
        """Check sources, recipe and groups.

        Raises:
            ConfigError, UnknownName: if one of them cannot be used.
        """
        super().check(sources)
        check_groups(self.groups)
        self.made()

    def made(self) -> Recipe:
        """Return the recipe."""
        return make_recipe(self.recipe, self.tier, [f"seed={self.seed}", f"dtype={self.dtype}", *self.settings])

    def run(self, places: Places, on_progress: OnProgress) -> dict[str, Any]:
        """Train, from the checkpoints if there are any."""
        from sablier.workflows.training.train import train

        file = train(
            places.sources["source"], places.output / f"{self.name}.sablier", self.made(), resume=True, groups=self.groups,
            on_progress=on_progress, strict=self.strict,
        )  # fmt: skip
        provenance = file.provenance
        return {
            "task": file.task,
            "images": provenance.images,
            "groups": provenance.groups,
            "skipped": list(provenance.skipped),
            "filtered": len(provenance.filtered),
        }


def check_groups(groups: str | None) -> None:
    """Check a rule for groups of a request, which names no file of the server.

    Raises:
        ConfigError: for a rule that does, or is none.

    >>> check_groups("column:/etc/passwd")
    Traceback (most recent call last):
    ...
    sablier.errors.ConfigError: expected groups folder or regex:PATTERN, got 'column:/etc/passwd'.
    """
    if groups is None:
        return
    if not groups.startswith(NO_TABLE):
        raise ConfigError(f"expected groups folder or regex:PATTERN, got {groups!r}.")
    parse_groups(groups, "groups")
