"""A variational autoencoder.

Its codes are trained to follow a Gaussian.
"""

from dataclasses import replace

from sablier.recipes.library.generator import recipe as generator
from sablier.recipes.tasks import ReconstructionRecipe
from sablier.training.objectives import Variational


def recipe(tier: str) -> ReconstructionRecipe:
    """Return the recipe of a tier."""
    like = generator(tier)
    return replace(like, name="variational", model="variational", objective=Variational(), others={})
