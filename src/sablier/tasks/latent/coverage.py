"""Coverage of generated images: the share of each class among them, and how much they differ from each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sablier.errors import TooFewImages
from sablier.typing import Array

FEWEST_SHARE = 0.1  # of a class's fair share, below which it counts as lost
LEAST_DIVERSITY = 0.5
PAIRS = 20_000  # of random images, to measure how much they differ


@dataclass(frozen=True)
class Coverage:
    """How a set of generated images covers the classes.

    Args:
        shares: name of a class -> its share of the generated images, by some classifier.
        diversity: the mean root mean squared difference of two generated images over that of two real ones: about 1 if they
            vary as real ones do, near 0 if the generator repeats itself.
    """

    shares: dict[str, float]
    diversity: float

    @property
    def lost(self) -> tuple[str, ...]:
        """The classes with less than a tenth of their fair share."""
        return tuple(name for name, share in self.shares.items() if share < FEWEST_SHARE / len(self.shares))

    @property
    def collapsed(self) -> bool:
        """Whether a class is lost, or the images hardly differ (mode collapse)."""
        return bool(self.lost) or self.diversity < LEAST_DIVERSITY

    def to_table(self) -> list[dict[str, Any]]:
        """Return one row per class."""
        return [{"class": name, "share": share} for name, share in self.shares.items()]

    def to_json(self) -> dict[str, Any]:
        """Return everything."""
        return {"shares": self.shares, "diversity": self.diversity, "lost": list(self.lost), "collapsed": self.collapsed}


def coverage(found: Array, classes: Sequence[str], generated: Array, real: Array, seed: int = 0) -> Coverage:
    """Measure how generated images cover the classes.

    Args:
        found: N names of classes, predicted for the generated images by an independent classifier.
        classes: all classes.
        generated, real: N,... and M,... images in [0, 1].
        seed: of the pairs whose difference is measured.

    Raises:
        TooFewImages: for fewer than 2 of either.

    >>> images = np.random.default_rng(0).random((100, 4, 4, 1))
    >>> coverage(np.repeat("a", 100), ["a", "b"], images[:1].repeat(100, axis=0), images).to_json()
    {'shares': {'a': 1.0, 'b': 0.0}, 'diversity': 0.0, 'lost': ['b'], 'collapsed': True}
    """
    if min(len(generated), len(real)) < 2:
        raise TooFewImages(f"expected at least 2 images on both sides, got {len(generated)} and {len(real)}.")
    shares = {str(name): float((found == name).mean()) for name in classes}
    ours, theirs = (_mean_difference(images, np.random.default_rng(seed)) for images in (generated, real))
    return Coverage(shares, ours / theirs if theirs else 1.0)


def _mean_difference(images: Array, random: np.random.Generator) -> float:
    """Return the mean root mean squared difference of two different images of a set."""
    first = random.integers(len(images), size=PAIRS)
    second = (first + random.integers(1, len(images), size=PAIRS)) % len(images)
    flat = images.reshape(len(images), -1)
    blocks = zip(np.array_split(first, 20), np.array_split(second, 20), strict=True)
    return float(np.concatenate([np.sqrt(((flat[a] - flat[b]) ** 2).mean(axis=1)) for a, b in blocks]).mean())
