"""Autoencoder: encodes images as a few numbers and reconstructs them."""

from sablier.recipes.tasks import ReconstructionRecipe
from sablier.training.config import FitConfig


def recipe(tier: str) -> ReconstructionRecipe:
    """Return the recipe of a tier."""
    # Optimizer and rate were chosen on held-out training images: see docs/LOG.md. bench/reconstruct.py times base; a tier is
    # trained on about four times the images of the tier below.
    steps, megapixels, width = {
        "tiny": (150, 12.0, 16), "small": (500, 50.0, 32), "base": (2000, 200.0, 32), "large": (6000, 600.0, 48),
    }[tier]  # fmt: skip
    return ReconstructionRecipe(
        name="autoencoder",
        options={"latent": 32, "width": width},
        fit=FitConfig(steps=steps, megapixels=megapixels, optimizer="muon", learning_rate=0.02, ema=0.995),
    )
