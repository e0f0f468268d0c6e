"""Blind denoiser, trained on noisy images only."""

from dataclasses import replace

from sablier.recipes.library.denoiser import recipe as denoiser
from sablier.recipes.tasks import DenoisingRecipe
from sablier.training.objectives import NoisyOnly


def recipe(tier: str) -> DenoisingRecipe:
    """Return the recipe of a tier."""
    return replace(denoiser(tier), name="denoiser-noisy-only", objective=NoisyOnly())
