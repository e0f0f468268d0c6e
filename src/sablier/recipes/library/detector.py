"""Anomaly detection; the default.

Several members score images in different ways, with other members for photos than for small images.
"""

from sablier.recipes.config import NetworkConfig
from sablier.recipes.detection import DetectionRecipe
from sablier.training.config import FitConfig
from sablier.training.objectives import Inpainting, Reconstruction, TransformationPrediction


def recipe(tier: str) -> DetectionRecipe:
    """Return the recipe of a tier."""
    # Chosen on held-out training images of MNIST, Fashion-MNIST and CIFAR-10, and on good training photos with hand-drawn
    # defects: see docs/LOG.md. A tier takes a few times as long as the one below.
    steps, megapixels, width, size = {
        "tiny": (100, 10.0, 16, 256),
        "small": (300, 35.0, 32, 384),
        "base": (700, 80.0, 32, 640),
        "large": (1000, 320.0, 32, 960),
    }[tier]
    turns, turned_megapixels, turning_width = {
        "tiny": (100, 20.0, 8), "small": (300, 80.0, 16), "base": (700, 160.0, 16), "large": (1200, 320.0, 24),
    }[tier]  # fmt: skip
    turning = NetworkConfig(
        model="convnet",
        options={"width": turning_width},
        objective=TransformationPrediction(),
        fit=FitConfig(
            steps=turns, megapixels=turned_megapixels, batch_size=256, optimizer="muon", learning_rate=0.02, weight_decay=0.0,
            warmup=0.1, ema=0.0, gradient_clip=0.0,
        ),
    )  # fmt: skip
    filled, filled_megapixels, filling_width = {
        "tiny": (100, 20.0, 16), "small": (300, 150.0, 32), "base": (600, 640.0, 32), "large": (1500, 4000.0, 32),
    }[tier]  # fmt: skip
    filling = NetworkConfig(
        model="inpainter",
        options={"width": filling_width},
        objective=Inpainting(),
        fit=FitConfig(
            steps=filled, megapixels=filled_megapixels, batch_size=16, optimizer="muon", learning_rate=0.01, weight_decay=0.0,
            warmup=0.1, ema=0.0,
        ),
    )  # fmt: skip
    return DetectionRecipe(
        name="detector",
        members=("closed-form",) if tier == "tiny" else ("restoration", "transformations", "closed-form"),
        photo_members=("features",),  # a tier adds its pixels
        others={"transformations": turning, "inpainting": filling},
        contamination_filter=tier != "tiny",  # it takes longer than the rest of the tier
        options={"latent": 16, "width": width},
        objective=Reconstruction(noise=0.3),
        fit=FitConfig(steps=steps, megapixels=megapixels),
        size=size,
    )
