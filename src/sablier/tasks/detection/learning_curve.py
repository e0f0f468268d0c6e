"""How well a detector tells bad images from good ones, by how many good images it has learnt from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, repeat
from typing import Any

import numpy as np

from sablier.metrics import mean_interval

FEWEST = 4
RUNS, RUNS_OF_MANY, MANY = 5, 3, 32  # trainings of each size; of more than so many images: they differ less, and take longer


@dataclass(frozen=True)
class CurvePoint:
    """What detectors that have learnt from so many good images find.

    Args:
        images: how many each has learnt from; of a group of images that are not independent, one.
        aurocs: of each, the AUROC of images.
    """

    images: int
    aurocs: tuple[float, ...]

    @property
    def image_auroc(self) -> float:
        """The mean AUROC."""
        return float(np.mean(self.aurocs))

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of that mean, over draws of the images; within 0 and 1."""
        low, high = mean_interval(np.array(self.aurocs))
        return max(0.0, low), min(1.0, high)

    def to_row(self) -> dict[str, Any]:
        """Return the point as a row of a table."""
        low, high = self.interval
        return {"images": self.images, "image_auroc": self.image_auroc, "low": low, "high": high, "trainings": len(self.aurocs)}


@dataclass(frozen=True)
class LearningCurve:
    """Points by rising numbers of images, and what was judged, in words.

    Args:
        points: at least one.
        judged: which images were told apart.
        caution: what the figures do not say; "" where they say what they seem to.
    """

    points: Sequence[CurvePoint]
    judged: str
    caution: str = ""

    def to_table(self) -> list[Mapping[str, Any]]:
        """Return a row for each point."""
        return [point.to_row() for point in self.points]


def sizes_up_to(most: int, first: int = FEWEST) -> list[int]:
    """Return the numbers of images of a curve: each twice the one before, and at last all of them.

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
    """Return how many trainings there are of a number of images."""
    return RUNS if size <= MANY else RUNS_OF_MANY
