"""Blind denoiser, trained on clean images.

Gaussian noise with any standard deviation up to the whole range from black to white.
"""

from sablier.recipes.tasks import DenoisingRecipe
from sablier.training.config import FitConfig
from sablier.training.objectives import Denoising


def recipe(tier: str) -> DenoisingRecipe:
    """Return the recipe of a tier."""
    # Chosen on held-out training digits (docs/LOG.md): a tier takes about 10 s, 1, 2 and 7 minutes on two processor cores.
    megapixels, width, blocks, batch_size = {
        "tiny": (8.0, 32, 1, 16), "small": (45.0, 40, 1, 64), "base": (140.0, 48, 1, 64), "large": (150.0, 64, 2, 64),
    }[tier]  # fmt: skip
    return DenoisingRecipe(
        name="denoiser",
        model="unet",
        options={"width": width, "blocks": blocks},
        objective=Denoising(),
        fit=FitConfig(
            steps=100_000, megapixels=megapixels, batch_size=batch_size, optimizer="muon", learning_rate=0.01, weight_decay=0.0
        ),
        size=64,
    )
