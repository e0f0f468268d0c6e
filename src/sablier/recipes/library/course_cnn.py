"""The convolutional classifier of the course's lesson on digits.

Three epochs, with our schedule and smoothed labels.
"""

from sablier.recipes.tasks import ClassificationRecipe
from sablier.training.config import FitConfig
from sablier.training.objectives import Classification


def recipe(tier: str) -> ClassificationRecipe:
    """Return the recipe of a tier."""
    return ClassificationRecipe(
        name="course-cnn",
        model="course_cnn",
        objective=Classification(smoothing=0.1),
        # Chosen on held-out training digits: see docs/LOG.md.
        fit=FitConfig(epochs=3, batch_size=64, learning_rate=5e-3, weight_decay=0.0, warmup=0.1, ema=0.99),
        rates={"adam": 5e-3, "sgd": 0.05, "rmsprop": 2e-3, "muon": 0.03},
        size=28,
    )
