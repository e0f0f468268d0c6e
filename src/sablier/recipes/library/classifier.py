"""Classifier with calibrated probabilities and out-of-distribution detection.

It is trained on labelled images.
"""

from sablier.recipes.tasks import ClassificationRecipe
from sablier.training.config import FitConfig
from sablier.training.objectives import Classification


def recipe(tier: str) -> ClassificationRecipe:
    """Return the recipe of a tier."""
    # Chosen on held-out training images of MNIST and CIFAR-10 (docs/LOG.md); bench/classify.py measures it.
    steps, megapixels, width = {
        "tiny": (150, 60.0, 16), "small": (600, 160.0, 16), "base": (2500, 500.0, 32), "large": (8000, 1600.0, 64),
    }[tier]  # fmt: skip
    return ClassificationRecipe(
        name="classifier",
        model="whitened_convnet",
        options={"width": width},
        objective=Classification(shift=0.0625, mirror="auto"),
        fit=FitConfig(
            steps=steps, megapixels=megapixels, batch_size=500, optimizer="muon", learning_rate=0.24, momentum=0.6,
            renormalise=True, weight_decay=0.0, warmup=0.0, schedule="linear", ema=0.0, gradient_clip=0.0,
        ),
        size=64,
    )  # fmt: skip
