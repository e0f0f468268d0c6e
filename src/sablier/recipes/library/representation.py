"""Codes of what an image shows, for embed, cluster and map.

Its codes describe content and not position: moved copies are reconstructed without the move.
"""

from sablier.recipes.tasks import ReconstructionRecipe
from sablier.training.config import FitConfig
from sablier.training.objectives import Agreement


def recipe(tier: str) -> ReconstructionRecipe:
    """Return the recipe of a tier."""
    # Chosen on held-out training digits (docs/LOG.md): without agreement a linear probe and k-means find fewer labels, with
    # twice as much of it the images get softer. bench/latent.py measures base.
    steps, megapixels, width = {
        "tiny": (150, 12.0, 16), "small": (500, 50.0, 16), "base": (2000, 200.0, 32), "large": (6000, 600.0, 48),
    }[tier]  # fmt: skip
    return ReconstructionRecipe(
        name="representation",
        options={"latent": 32, "width": width},
        objective=Agreement(turn=20, shift=0.1, scale=0.15, shear=0.2, noise=0.2, agreement=0.05),
        fit=FitConfig(steps=steps, megapixels=megapixels, optimizer="muon", learning_rate=0.02, ema=0.995),
    )
