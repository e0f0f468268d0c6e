"""GAN: sharper new images than the generator, and longer training.

A generator is trained against a discriminator, which distinguishes generated images from real ones.
"""

from sablier.recipes.tasks import GenerationRecipe
from sablier.training.config import FitConfig
from sablier.training.objectives import Adversarial


def recipe(tier: str) -> GenerationRecipe:
    """Return the recipe of a tier."""
    # Chosen on held-out training digits (docs/LOG.md): small batches, long steps, and a short memory for the spread of gradients,
    # without which such steps leave the game. bench/gan.py measures base.
    steps, megapixels, width, judging = {
        "tiny": (800, 20.0, 16, 8),
        "small": (6000, 150.0, 24, 16),
        "base": (26_000, 640.0, 24, 16),
        "large": (80_000, 2400.0, 48, 24),
    }[tier]
    return GenerationRecipe(
        name="gan",
        model="gan",
        options={"latent": 64, "width": width, "discriminator_width": judging},
        objective=Adversarial(),
        # Without momentum, since the other network has changed by the next step; the average of weights takes its place.
        fit=FitConfig(
            steps=steps, megapixels=megapixels, batch_size=32, optimizer="adam", learning_rate=3e-3, beta1=0.0, beta2=0.9,
            weight_decay=0.0, warmup=0.05, ema=0.999, gradient_clip=0.0,
        ),
        size=32,
    )  # fmt: skip
