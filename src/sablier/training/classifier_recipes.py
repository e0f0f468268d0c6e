"""Recipes of classifiers, as functions of the tier; `recipes.py` lists them with all others.

`classifier` gives probabilities that are as often right as they say; `classifier-fast` is the more accurate in little time;
`classifier-robust` withstands attacks. `course-softmax` and `course-cnn` are the nets of the course's lesson, with our schedule.
"""

from dataclasses import replace

from sablier.training.config import FitConfig
from sablier.training.objectives import Classification, RobustClassification
from sablier.training.recipe import Recipe


def classifier(tier: str) -> Recipe:
    """Return the recipe that tells classes apart, from labelled images; its probabilities are as often right as they say."""
    # Chosen on held-out training images of MNIST and CIFAR-10 (docs/LOG.md); bench/classify.py measures it.
    steps, megapixels, width = {
        "tiny": (150, 60.0, 16), "small": (600, 160.0, 16), "base": (2500, 500.0, 32), "large": (8000, 1600.0, 64),
    }[tier]  # fmt: skip
    return Recipe(
        name="classifier",
        task="classify",
        model="whitened_convnet",
        options={"width": width},
        objective=Classification(shift=0.0625, mirror="auto"),
        fit=FitConfig(
            steps=steps, megapixels=megapixels, batch_size=500, optimizer="muon", learning_rate=0.24, momentum=0.6,
            renormalise=True, weight_decay=0.0, warmup=0.0, schedule="linear", ema=0.0, gradient_clip=0.0,
        ),
        size=64,
    )  # fmt: skip


def classifier_fast(tier: str) -> Recipe:
    """Return the same for the most images told right in little time; smoothed labels make it less sure than it could be."""
    like = classifier(tier)
    return replace(like, name="classifier-fast", objective=replace(like.objective, smoothing=0.2))


def classifier_robust(tier: str) -> Recipe:
    """Return the recipe of a classifier that is trained on attacked images."""
    # Chosen on held-out training digits (docs/LOG.md); bench/robustness.py measures base.
    steps, megapixels, width = {
        "tiny": (300, 30.0, 8), "small": (1500, 150.0, 16), "base": (5000, 500.0, 32), "large": (20_000, 2000.0, 64),
    }[tier]  # fmt: skip
    return Recipe(
        name="classifier-robust",
        task="classify",
        model="strided_convnet",
        options={"width": width},
        objective=RobustClassification(),
        fit=FitConfig(
            steps=steps, megapixels=megapixels, batch_size=128, optimizer="adam", learning_rate=5e-3, weight_decay=0.0,
            ema=0.0,
        ),
        size=64,
    )  # fmt: skip


def course_softmax(tier: str) -> Recipe:
    """Return the linear classifier of the course: one epoch in batches of 60, by gradient descent with momentum."""
    # Rates of all optimizers were chosen on held-out training digits: see docs/LOG.md.
    return Recipe(
        name="course-softmax",
        task="classify",
        model="course_softmax",
        objective=Classification(),
        # The lesson sums the loss over a batch of 60, at a rate 60 times smaller.
        fit=FitConfig(epochs=1, batch_size=60, optimizer="sgd", learning_rate=0.1, weight_decay=0.0, ema=0.0, gradient_clip=0.0),
        rates={"adam": 1e-2, "adamw": 1e-2, "rmsprop": 1e-2, "muon": 0.1},
        size=28,
    )


def course_cnn(tier: str) -> Recipe:
    """Return the convolutional classifier of the course, with our schedule, three epochs, and smoothed labels."""
    return Recipe(
        name="course-cnn",
        task="classify",
        model="course_cnn",
        objective=Classification(smoothing=0.1),
        # Chosen on held-out training digits: see docs/LOG.md.
        fit=FitConfig(epochs=3, batch_size=64, learning_rate=5e-3, weight_decay=0.0, warmup=0.1, ema=0.99),
        rates={"adam": 5e-3, "sgd": 0.05, "rmsprop": 2e-3, "muon": 0.03},
        size=28,
    )
