"""Learned compression, lossy and lossless.

A network with rounded codes, and one that predicts the likelihoods of pixels.
"""

from sablier.recipes.config import NetworkConfig
from sablier.recipes.tasks import CompressionRecipe
from sablier.training.config import FitConfig
from sablier.training.objectives import PixelLikelihood, RateDistortion


def recipe(tier: str) -> CompressionRecipe:
    """Return the recipe of a tier."""
    steps, megapixels, width, latent = {
        "tiny": (150, 12.0, 16, 32), "small": (500, 50.0, 24, 48), "base": (2000, 200.0, 32, 64), "large": (6000, 600.0, 48, 96),
    }[tier]  # fmt: skip
    # The second network is trained on pairs of images: twice the pixels.
    looks, looked_megapixels, looking_width = {
        "tiny": (150, 24.0, 32), "small": (500, 100.0, 64), "base": (3000, 700.0, 128), "large": (9000, 2000.0, 192),
    }[tier]  # fmt: skip
    context = NetworkConfig(
        model="pixel_context",
        options={"width": looking_width},
        objective=PixelLikelihood(),
        fit=FitConfig(
            steps=looks, megapixels=looked_megapixels, batch_size=128, optimizer="muon", learning_rate=0.02, weight_decay=0.0,
            ema=0.995,
        ),
    )  # fmt: skip
    return CompressionRecipe(
        name="codec",
        model="compressor",
        options={"latent": latent, "width": width},
        objective=RateDistortion(),
        others={"context": context},
        fit=FitConfig(steps=steps, megapixels=megapixels, optimizer="muon", learning_rate=0.02, ema=0.995),
        size=32,
    )
