"""Figures of the lessons that were measured before, from `measured.json`, which bench/course.py writes."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from statistics import mean, stdev


@dataclass(frozen=True)
class Spread:
    """A figure over seeds: the mean, and the standard deviation between them (0 for one)."""

    mean: float
    deviation: float
    count: int


@cache
def _measured() -> dict[str, dict[str, dict[str, list[float]]]]:
    found: dict[str, dict[str, dict[str, list[float]]]] = json.loads((files(__package__) / "measured.json").read_text())
    return found


def measured(lesson: str, variant: str, figure: str) -> Spread:
    """Return a figure of a lesson: of its code as printed, of a mended one, or of a variant that an exercise asks for.

    >>> measured("anomaly", "as printed", "auroc").count
    5
    """
    values = _measured()[lesson][variant][figure]
    return Spread(mean(values), stdev(values) if len(values) > 1 else 0.0, len(values))
