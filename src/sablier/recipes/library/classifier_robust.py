"""Classifier trained against adversarial attacks, up to --set eps=8/255.

It is trained on attacked images (adversarial training).
"""

from sablier.recipes.tasks import ClassificationRecipe
from sablier.training.config import FitConfig
from sablier.training.objectives import RobustClassification


def recipe(tier: str) -> ClassificationRecipe:
    """Return the recipe of a tier."""
    # Chosen on held-out training digits (docs/LOG.md); bench/robustness.py measures base.
    steps, megapixels, width = {
        "tiny": (300, 30.0, 8), "small": (1500, 150.0, 16), "base": (5000, 500.0, 32), "large": (20_000, 2000.0, 64),
    }[tier]  # fmt: skip
    return ClassificationRecipe(
        name="classifier-robust",
        model="strided_convnet",
        options={"width": width},
        objective=RobustClassification(),
        fit=FitConfig(
            steps=steps, megapixels=megapixels, batch_size=128, optimizer="adam", learning_rate=5e-3, weight_decay=0.0,
            ema=0.0,
        ),
        size=64,
    )  # fmt: skip
