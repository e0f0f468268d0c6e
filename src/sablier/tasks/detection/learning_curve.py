"""A learning curve: the AUROC of a detector by the number of good images that it was trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, repeat
from typing import Any

import numpy as np

from sablier.metrics import mean_interval

FEWEST = 4
RUNS, RUNS_OF_MANY, MANY = 5, 3, 32  # trainings of each size; fewer of more than MANY images, which differ less and take longer


@dataclass(frozen=True)
class CurvePoint:
    """The results of detectors trained on a certain number of good images.

    Args:
        images: how many each was trained on, one of each group of dependent images.
        aurocs: the AUROC of each.
    """

    images: int
    aurocs: tuple[float, ...]

    @property
    def image_auroc(self) -> float:
        """The mean AUROC."""
        return float(np.mean(self.aurocs))

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of that mean over samples of the images, within 0 and 1."""
        low, high = mean_interval(np.array(self.aurocs))
        return max(0.0, low), min(1.0, high)

    def to_row(self) -> dict[str, Any]:
        """Return the point as a row of a table."""
        low, high = self.interval
        return {"images": self.images, "image_auroc": self.image_auroc, "low": low, "high": high, "trainings": len(self.aurocs)}


@dataclass(frozen=True)
class LearningCurve:
    """Points by increasing numbers of images, and what they were measured on, in words.

    Args:
        points: at least one.
        judged: which images were measured.
        caution: a caveat, or "".
    """

    points: Sequence[CurvePoint]
    judged: str
    caution: str = ""

    def to_table(self) -> list[Mapping[str, Any]]:
        """Return a row for each point."""
        return [point.to_row() for point in self.points]


def sizes_up_to(most: int, first: int = FEWEST) -> list[int]:
    """Return the numbers of images of a curve: doubled from one to the next, and all images last.

    >>> sizes_up_to(48), sizes_up_to(4)
    ([4, 8, 16, 32, 48], [4])
    """
    doubled = accumulate(repeat(2), lambda size, factor: size * factor, initial=first)
    found: list[int] = []
    for size in doubled:
        if size >= most:
            return [*found, most]
        found.append(size)
    return found


def runs_of(size: int) -> int:
    """Return how many trainings there are with a number of images."""
    return RUNS if size <= MANY else RUNS_OF_MANY
