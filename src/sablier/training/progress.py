"""The progress of training: of one network, and of all that a command trains."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Whole:
    """The progress of everything that is made for one model, all networks and folds together.

    Args:
        work: what is done, in words, such as "48 photos of 256 x 256, 5 folds"; it does not change.
        share: the share of the time that has passed, from 0 to 1; it never decreases.
        seconds_left: the estimated remaining time.
    """

    work: str
    share: float
    seconds_left: float


@dataclass(frozen=True)
class Progress:
    """The progress of a stage.

    Args:
        done: of `total` steps.
        row: the history row of an epoch that just ended, if one did.
        whole: the progress of everything, if known.
    """

    done: int
    total: int
    row: Mapping[str, float] | None = None
    whole: Whole | None = None
