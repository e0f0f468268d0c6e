"""Parity: whether an exported model agrees with the model that it was exported from, on real images."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sablier.calibration import Calibration, is_flagged
from sablier.tasks.detection.judge import FoldScores, score_columns
from sablier.tasks.detection.result import BASELINES
from sablier.typing import Array

ALPHAS = (0.01, 0.05, 0.1)
OF_SPREAD = 1e-4  # the largest difference of a score, in standard deviations of the calibration scores
OF_MAPS = 1e-3  # of an anomaly map, where 1 is the mark level at 5 %
OF_VALUES = 1e-4  # of a probability or of a pixel between 0 and 1
MOST_NAMED = 3
OTHER_IN_8_BITS = 0.02  # of the images may get another verdict from a model in 8 bits
FACTOR_OF_8_BITS = 500  # by how much more outputs without verdicts may differ


@dataclass(frozen=True)
class Difference:
    """The largest difference of one output.

    Args:
        what: the output, in words.
        largest: the difference.
        allowed: from which on the two models do not agree.
    """

    what: str
    largest: float
    allowed: float

    @classmethod
    def of(cls, what: str, ours: Array, theirs: Array, allowed: float) -> "Difference":
        """Return the largest difference of two arrays; infinite where one has values that are not finite."""
        apart = np.abs(np.asarray(ours, np.float64) - np.asarray(theirs, np.float64))
        return cls(what, float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0)), allowed)

    @property
    def is_large(self) -> bool:
        """Whether the difference is larger than allowed."""
        return not self.largest <= self.allowed

    def words(self) -> str:
        """Return the difference and what is allowed."""
        return f"{self.what} by up to {self.largest:.2g} (allowed {self.allowed:.2g})"


@dataclass(frozen=True)
class Parity:
    """The comparison on N images.

    Args:
        images: how many.
        differences: the largest of each output.
        decided: how many verdicts were compared.
        verdicts: ids of images with another verdict, for no reason.
        near: ids of images with another verdict, whose score is as near to the threshold as scores may differ.
    """

    images: int
    differences: tuple[Difference, ...]
    decided: int = 0
    verdicts: tuple[str, ...] = ()
    near: tuple[str, ...] = ()

    def faults(self) -> list[str]:
        """Return in words what does not agree; empty if everything does."""
        found = [each.words() for each in self.differences if each.is_large]
        return [*found, f"verdicts of {_named(self.verdicts)}"] if self.verdicts else found

    def faults_in_8_bits(self) -> list[str]:
        """Return in words what does not agree well enough for a model that computes in 8 bits."""
        others = sorted({*self.verdicts, *self.near})
        if self.decided:
            return [f"verdicts of {_named(tuple(others))}"] if len(others) > OTHER_IN_8_BITS * self.images else []
        return [each.words() for each in self.differences if not each.largest <= FACTOR_OF_8_BITS * each.allowed]

    def words(self) -> str:
        """Return what was compared, and how the two agree."""
        text = f"Compared on {self.images:,} image{'s'[: self.images != 1]}: "
        text += ", ".join(f"{each.what} within {each.largest:.1g}" for each in self.differences)
        if self.decided:
            others = (*self.verdicts, *self.near)
            text += f"; other verdicts: {_named(others)}" if others else f"; all {self.decided:,} verdicts are the same"
        return f"{text}."


class Answers(NamedTuple):
    """What the graph of a detector answers by itself: N scores, p-values and flags, each flag at one of N alphas."""

    alphas: Array
    scores: Array
    p_values: Array
    flagged: Array


def detector_parity(
    calibration: Calibration, kinds: tuple[str, ...], ids: Array, ours: FoldScores, theirs: FoldScores, answers: Answers
) -> Parity:
    """Compare the scores, p-values, verdicts at 1, 5 and 10 % and pictures of N images.

    Args:
        calibration: of the detector; scores are compared in standard deviations of its scores.
        kinds: of the M members, whose contributions to the score are compared.
        ids: of the images.
        ours, theirs: with pictures.
        answers: of the graph, at those alphas.
    """
    spread = float(np.concatenate(calibration.folds).std()) if calibration.count > 1 else 1.0
    allowed = OF_SPREAD * max(spread, 1e-9)
    columns = [score_columns(calibration, each.scores) for each in (ours, theirs)]
    p_values = [calibration.p_values(each) for each in columns]
    ranks = [calibration.levels(each) for each in p_values]
    assert ours.anomaly_maps is not None
    assert theirs.anomaly_maps is not None
    differences = [
        Difference.of("scores", ours.scores, theirs.scores, allowed),
        *(
            Difference.of(f"contributions of the member {kind}", ours.contributions[:, k], theirs.contributions[:, k], allowed)
            for k, kind in enumerate(kinds)
        ),
        Difference.of("ranks of p-values", ranks[0], ranks[1], 1.0),
        Difference.of("scores that the graph returns", ours.scores.mean(axis=1), answers.scores, allowed),
        Difference.of("ranks of p-values that the graph returns", ranks[0], calibration.levels(answers.p_values), 1.0),
        *(Difference.of(f"scores of the baseline {name}", ours.baselines[name], theirs.baselines[name], OF_VALUES)
          for name in BASELINES),
        Difference.of("anomaly maps", ours.anomaly_maps, theirs.anomaly_maps, OF_MAPS),
    ]  # fmt: skip
    if ours.reconstructions is not None and theirs.reconstructions is not None:
        differences.append(Difference.of("reconstructions", ours.reconstructions, theirs.reconstructions, OF_VALUES))
    others, near = np.zeros(len(ids), bool), np.zeros(len(ids), bool)
    for alpha in ALPHAS:
        one, other = (calibration.verdicts(each, alpha) for each in p_values)
        different = (one != other) | ((answers.alphas == alpha) & (is_flagged(one) != answers.flagged))
        excused = np.abs(calibration.margins(columns[0], alpha)) <= allowed
        near |= different & excused
        others |= different & ~excused
    verdicts = len(ids) * sum(map(calibration.decides, ALPHAS))
    return Parity(len(ids), tuple(differences), verdicts, tuple(ids[others].tolist()), tuple(ids[near].tolist()))


def _named(ids: tuple[str, ...]) -> str:
    more = len(ids) - MOST_NAMED
    return ", ".join(ids[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
