"""Generator of new images and variations: an autoencoder and a flow over its codes.

A short code whose neighbours decode to similar images, and a flow over the codes.
"""

from sablier.recipes.config import NetworkConfig
from sablier.recipes.tasks import ReconstructionRecipe
from sablier.training.config import FitConfig
from sablier.training.objectives import FlowMatching, RegularisedReconstruction


def recipe(tier: str) -> ReconstructionRecipe:
    """Return the recipe of a tier."""
    # Code length and noise were chosen on held-out training digits (docs/LOG.md); bench/generate.py measures base.
    steps, megapixels, width = {
        "tiny": (150, 12.0, 16), "small": (500, 50.0, 32), "base": (2000, 200.0, 32), "large": (6000, 600.0, 48),
    }[tier]  # fmt: skip
    flowing, codes = {"tiny": (300, 10_000), "small": (1000, 20_000), "base": (4000, 60_000), "large": (16_000, 60_000)}[tier]
    flow = NetworkConfig(
        model="flow",
        objective=FlowMatching(),
        fit=FitConfig(steps=flowing, megapixels=1e6, batch_size=256, learning_rate=1e-3, weight_decay=0.0, ema=0.999),
    )
    return ReconstructionRecipe(
        name="generator",
        options={"latent": 16, "width": width},
        others={"flow": flow},
        mixture_codes=codes,
        objective=RegularisedReconstruction(),
        fit=FitConfig(steps=steps, megapixels=megapixels, optimizer="muon", learning_rate=0.02, weight_decay=0.1, ema=0.995),
    )
