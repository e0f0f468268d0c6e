"""The configurations of all tasks except detection."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from sablier.recipes.config import Recipe
from sablier.recipes.detection import DetectionRecipe


@dataclass(frozen=True, kw_only=True)
class ReconstructionRecipe(Recipe):
    """How an autoencoder is made. `others` may contain a "flow" over its codes."""

    task: ClassVar[str] = "reconstruct"
    usual: ClassVar[str] = "autoencoder"

    # The most codes that the mixture is fitted to; the time grows in proportion
    mixture_codes: Annotated[int, Field(ge=2, le=10_000_000)] = 10_000


@dataclass(frozen=True, kw_only=True)
class GenerationRecipe(Recipe):
    """How a network that generates images is made."""

    task: ClassVar[str] = "generate"
    usual: ClassVar[str] = "gan"


@dataclass(frozen=True, kw_only=True)
class DenoisingRecipe(Recipe):
    """How a denoiser is made."""

    task: ClassVar[str] = "denoise"
    usual: ClassVar[str] = "denoiser"


@dataclass(frozen=True, kw_only=True)
class CompressionRecipe(Recipe):
    """How a codec is made. `others` contains the "context" network, which predicts the likelihoods of pixels."""

    task: ClassVar[str] = "compress"
    usual: ClassVar[str] = "codec"

    # Quality of the lossy version inside a lossless file
    base_quality: Annotated[int, Field(ge=1, le=100)] = 10


@dataclass(frozen=True, kw_only=True)
class ClassificationRecipe(Recipe):
    """How a classifier is made."""

    task: ClassVar[str] = "classify"
    usual: ClassVar[str] = "classifier"

    # The time budget of training, which decides width and epochs
    budget_seconds: Annotated[float | None, Field(ge=1, le=1_000_000)] = None


CONFIGURATIONS: tuple[type[Recipe], ...] = (
    DetectionRecipe,
    ReconstructionRecipe,
    DenoisingRecipe,
    GenerationRecipe,
    CompressionRecipe,
    ClassificationRecipe,
)
USUAL = {kind.task: kind.usual for kind in CONFIGURATIONS}  # of each task, the recipe that errors suggest
