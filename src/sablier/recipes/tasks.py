"""The configurations of all tasks but detection, which has a file of its own."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from sablier.recipes.config import Recipe
from sablier.recipes.detection import DetectionRecipe


@dataclass(frozen=True, kw_only=True)
class ReconstructionRecipe(Recipe):
    """How an autoencoder is made. `others` may hold a "flow" over its codes."""

    task: ClassVar[str] = "reconstruct"
    usual: ClassVar[str] = "autoencoder"

    # Most codes that the mixture over them is fitted to; time grows in proportion
    mixture_codes: Annotated[int, Field(ge=2, le=10_000_000)] = 10_000


@dataclass(frozen=True, kw_only=True)
class GenerationRecipe(Recipe):
    """How a network that makes images is made."""

    task: ClassVar[str] = "generate"
    usual: ClassVar[str] = "gan"


@dataclass(frozen=True, kw_only=True)
class DenoisingRecipe(Recipe):
    """How a denoiser is made."""

    task: ClassVar[str] = "denoise"
    usual: ClassVar[str] = "denoiser"


@dataclass(frozen=True, kw_only=True)
class CompressionRecipe(Recipe):
    """How a codec is made. `others` holds the "context" that says how likely pixels are."""

    task: ClassVar[str] = "compress"
    usual: ClassVar[str] = "codec"

    # Quality of the lossy version that a lossless file starts from
    base_quality: Annotated[int, Field(ge=1, le=100)] = 10


@dataclass(frozen=True, kw_only=True)
class ClassificationRecipe(Recipe):
    """How a classifier is made."""

    task: ClassVar[str] = "classify"
    usual: ClassVar[str] = "classifier"

    # How long it may train, which then decides width and epochs
    budget_seconds: Annotated[float | None, Field(ge=1, le=1_000_000)] = None


CONFIGURATIONS: tuple[type[Recipe], ...] = (
    DetectionRecipe,
    ReconstructionRecipe,
    DenoisingRecipe,
    GenerationRecipe,
    CompressionRecipe,
    ClassificationRecipe,
)
USUAL = {kind.task: kind.usual for kind in CONFIGURATIONS}  # of each task, the recipe that errors name
