"""How far training is: of one network, and of all that a command trains."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Whole:
    """How far everything is that is made for one model, all its networks and folds together.

    Args:
        work: what is done, in words, such as "48 photos of 256 x 256, 5 folds"; the same all along.
        share: how much of the time has passed, from 0 to 1; it never falls.
        seconds_left: about how long the rest takes.
    """

    work: str
    share: float
    seconds_left: float


@dataclass(frozen=True)
class Progress:
    """Where a stage is.

    Args:
        done: of `total` steps.
        row: the history row of an epoch that just ended, if one did.
        whole: how far everything is, where that is known.
    """

    done: int
    total: int
    row: Mapping[str, float] | None = None
    whole: Whole | None = None
