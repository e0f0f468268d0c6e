"""The net of the course's second lesson, with our schedule: 3 epochs instead of 50."""

from sablier.recipes.tasks import ReconstructionRecipe
from sablier.training.config import FitConfig


def recipe(tier: str) -> ReconstructionRecipe:
    """Return the recipe of a tier."""
    return ReconstructionRecipe(
        name="course-conv",
        model="course_conv",
        options={"filters": 32},
        fit=FitConfig(epochs=3, batch_size=64, learning_rate=1e-2, ema=0.0),
        size=28,
    )
