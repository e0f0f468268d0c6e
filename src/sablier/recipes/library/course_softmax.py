"""The linear classifier of the course's lesson on digits.

One epoch in batches of 60, by gradient descent with momentum.
"""

from sablier.recipes.tasks import ClassificationRecipe
from sablier.training.config import FitConfig
from sablier.training.objectives import Classification


def recipe(tier: str) -> ClassificationRecipe:
    """Return the recipe of a tier."""
    # Rates of all optimizers were chosen on held-out training digits.
    return ClassificationRecipe(
        name="course-softmax",
        model="course_softmax",
        objective=Classification(),
        # The lesson sums the loss over a batch of 60, at a rate 60 times smaller.
        fit=FitConfig(epochs=1, batch_size=60, optimizer="sgd", learning_rate=0.1, weight_decay=0.0, ema=0.0, gradient_clip=0.0),
        rates={"adam": 1e-2, "adamw": 1e-2, "rmsprop": 1e-2, "muon": 0.1},
        size=28,
    )
