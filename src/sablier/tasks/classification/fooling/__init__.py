"""Fooling images: images of nothing that a classifier is sure of, found by three methods.

Each method takes a `Goal` and a callback, and returns what it `Found`. It has its own random generator.
"""

from collections.abc import Callable

from sablier.tasks.classification.fooling.ascent import ascend
from sablier.tasks.classification.fooling.base import Found, Goal, OnProgress
from sablier.tasks.classification.fooling.evolution import evolve
from sablier.tasks.classification.fooling.patterns import Patterns
from sablier.tasks.classification.fooling.pixels import Pixels

WAYS: dict[str, Callable[[Goal, OnProgress], Found]] = {
    "direct": lambda goal, on_progress: evolve(Pixels(goal.shape), goal, on_progress),
    "cppn": lambda goal, on_progress: evolve(Patterns(goal.shape), goal, on_progress),
    "gradient": ascend,
}

__all__ = ["WAYS", "Found", "Goal", "OnProgress"]
