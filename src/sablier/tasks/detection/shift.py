"""What changed when images drift: brightness, contrast, colour, sharpness, size and score, now against those that calibrated.

It explains a drift alarm (covariate shift) and does not raise one. The effect size of a measure is the difference of the medians
in standard deviations of the calibration images, as Glass's delta (1976) is of the means: a few anomalies hardly change it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np

from sablier.typing import Array


@dataclass(frozen=True)
class Measure:
    """What is measured of each image.

    Args:
        name: a word, also of a column.
        least: a difference of this size is never more than one standard deviation.
        check: what to look at where it changed.
    """

    name: str
    least: float
    check: str


LIGHT, CAMERA = "the lamps and the exposure", "the resolution of the camera and how images are cut"
MEASURES = (
    Measure("brightness", 1.0, LIGHT),
    Measure("contrast", 1.0, LIGHT),
    Measure("colour", 1.0, "the lamps and the white balance"),
    Measure("sharpness", 0.5, "the focus and the lens"),
    Measure("width", 1.0, CAMERA),
    Measure("height", 1.0, CAMERA),
    Measure("score", 1e-6, ""),
)
OF_IMAGES = tuple(measure.name for measure in MEASURES[:-1])
FEATURES = "the features (anomaly score)"
LEAST_EFFECT, ERRORS = 0.5, 3.0  # an effect size counts from here on, and from so many standard errors of a mean on
MOST_LISTED = 3
NOT_RECORDED = "What changed is not known, since the model file does not record these measures: train or calibrate it anew."


@dataclass(frozen=True)
class UsualMeasures:
    """The measures of the calibration images.

    Args:
        medians: 7, in the order of `MEASURES`: brightness, contrast and colour of 0 to 255, sharpness in percent of the
            contrast, width and height in pixels, and the anomaly score.
        deviations: 7 standard deviations.
    """

    medians: Array
    deviations: Array

    @classmethod
    def of(cls, measures: Array) -> Self:
        """Return those of N,7 measures."""
        return cls(np.median(measures, axis=0), measures.std(axis=0))

    def effects(self, values: Array) -> Array:
        """Return how far ...,7 measures are from the medians, in standard deviations."""
        return np.asarray((values - self.medians) / np.maximum(self.deviations, [measure.least for measure in MEASURES]))

    def distances(self, measures: Array) -> Array:
        """Return N: how far each of N,7 measures is from the medians, the root mean square over the measures."""
        return np.asarray(np.sqrt(np.mean(self.effects(measures) ** 2, axis=1)))

    def tensors(self) -> dict[str, Array]:
        """Return the arrays that a model file keeps."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Array]) -> Self | None:
        """Return what `tensors` returned; None if the file is of a version that kept none."""
        names = [item.name for item in fields(cls)]
        return cls(*(tensors[name] for name in names)) if any(name in tensors for name in names) else None


@dataclass(frozen=True)
class Change:
    """A measure, then and now.

    Args:
        name: of the measure.
        then, now: its median among the calibration images and the new ones.
        effect: their difference, in standard deviations of the calibration images.
        moved: whether it counts as a change.
    """

    name: str
    then: float
    now: float
    effect: float
    moved: bool

    @property
    def label(self) -> str:
        """The name, of the score with what it is of."""
        return FEATURES if self.name == MEASURES[-1].name else self.name

    def words(self) -> str:
        """Return the change in a few words."""
        return f"{self.label} {self.now:.4g}, was {self.then:.4g} ({self.effect:+.1f} standard deviations)"

    def to_json(self) -> dict[str, Any]:
        """Return the values."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


@dataclass
class Shift:
    """The measures of the last images of a stream, against those of the calibration images.

    Args:
        usual: those of the calibration images; None if the model file does not have them.
        most: how many images are kept.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> then = rng.normal(100, 5, (200, 7))
        >>> shift = Shift(UsualMeasures.of(then))
        >>> shift.add(then[:50] - [20, 0, 0, 0, 0, 0, 0], [f"{index}.png" for index in range(50)])
        >>> [change.name for change in shift.changes() if change.moved]
        ['brightness']
    """

    usual: UsualMeasures | None
    most: int = 5000
    measures: Array = field(default_factory=lambda: np.empty((0, len(MEASURES))))
    ids: list[str] = field(default_factory=list)

    def add(self, measures: Array, ids: Sequence[str]) -> None:
        """Add the N,7 measures of the next images, and their N ids."""
        self.measures = np.concatenate([self.measures, measures])[-self.most :]
        self.ids = [*self.ids, *map(str, ids)][-self.most :]

    def changes(self) -> list[Change]:
        """Return every measure, then and now, the largest effect first; none if there is nothing to compare."""
        if self.usual is None or not self.ids:
            return []
        now = np.median(self.measures, axis=0)
        least = max(LEAST_EFFECT, ERRORS / len(self.ids) ** 0.5)
        rows = zip(MEASURES, self.usual.medians.tolist(), now.tolist(), self.usual.effects(now).tolist(), strict=True)
        found = [Change(measure.name, then, value, effect, abs(effect) >= least) for measure, then, value, effect in rows]
        return sorted(found, key=lambda change: -abs(change.effect))

    def farthest(self) -> list[str]:
        """Return the ids of the images that are farthest from the calibration images, in all measures together."""
        if self.usual is None:
            return []
        return [self.ids[index] for index in np.argsort(-self.usual.distances(self.measures), kind="stable")[:MOST_LISTED]]

    def words(self) -> str:
        """Return what changed, the images that moved most, and what to check."""
        if self.usual is None:
            return NOT_RECORDED
        moved = [change for change in self.changes() if change.moved]
        checks = dict.fromkeys(measure.check for change in moved for measure in MEASURES if measure.name == change.name)
        checked = " and ".join(filter(None, checks))
        listed = f"Farthest from the calibration images: {', '.join(self.farthest())}."
        if not moved:
            return f"Neither brightness, contrast, colour, sharpness, size nor the features moved much. {listed}"
        advice = f"Check {checked}." if checked else "Look for another material, part or background."
        return f"Changed in the last {len(self.ids):,} images: {'; '.join(change.words() for change in moved)}. {advice} {listed}"

    def to_json(self) -> dict[str, Any]:
        """Return the changes and the farthest images."""
        return {"changes": [change.to_json() for change in self.changes()], "farthest": self.farthest()}
