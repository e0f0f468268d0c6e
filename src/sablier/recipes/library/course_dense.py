"""The net of the course's first lesson, with our schedule.

10 epochs, batches of 64.
"""

from sablier.recipes.detection import DetectionRecipe
from sablier.training.config import FitConfig


def recipe(tier: str) -> DetectionRecipe:
    """Return the recipe of a tier."""
    return DetectionRecipe(
        name="course-dense",
        model="course_dense",
        options={"latent": 128},
        # Weight decay keeps the network from reconstructing other digits; chosen on held-out training digits (docs/LOG.md).
        fit=FitConfig(epochs=10, batch_size=64, learning_rate=3e-3, weight_decay=0.7, ema=0.0, gradient_clip=0.0),
        size=28,
    )
