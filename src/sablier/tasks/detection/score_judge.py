"""`ScoreJudge`: verdicts on the scores of any other tool. Images have one empty pixel, and their score stands in a column."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sablier.calibration import Calibration
from sablier.errors import ImagesError, ModelFileError, SablierError
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.metrics import auroc, auroc_interval
from sablier.modelfile import JUDGE, ModelFile, Part
from sablier.part_kinds import LARGEST
from sablier.tasks.detection.detect import sizes_in
from sablier.tasks.detection.judge import FoldScores, Judge, NetworkFacts
from sablier.tasks.known_images import CALIBRATED, NEW, WORDS, Recognized
from sablier.typing import Array

KIND = "scores"  # of the part of the model file
LARGEST_SCORE = LARGEST  # that a model file takes
SCORE = "anomaly score"  # the column of an `ImageSet`
NO_PIXELS = Preprocess(height=1, width=1, channels=1)
FEW_VALUES = 0.5  # different calibration scores, as a share of all, below which a person is told of ties
BY_CHANCE = 0.001  # the probability of as many low scores, below which the direction of scores is doubted


@dataclass(frozen=True)
class ScoreJudge(Judge):
    """Turns the scores of another tool into p-values and verdicts at a chosen false-alarm rate.

    Any score will do: conformal p-values are valid for every score, if calibration images and new good images are
    exchangeable and none of them trained the tool (Vovk, Gammerman and Shafer 2005; Bates et al. 2023).

    Args:
        calibration: the scores of good images that did not train the tool; higher is more anomalous.
        lower_is_worse: whether the tool gives anomalous images low scores.
        columns: the names of the columns "id" and "score" in its tables; "" for an id where rows are numbered.
        keys: hashes of the images that calibrate, to recognise them.
    """

    calibration: Calibration
    lower_is_worse: bool
    columns: dict[str, str]
    keys: Array
    baseline_calibrations: dict[str, Calibration] = field(default_factory=dict)
    map_calibration: None = None
    map_unit: float = 1.0
    frame: None = None

    @classmethod
    def calibrated(cls, images: ImageSet, lower_is_worse: bool, columns: dict[str, str], keys: Array) -> "ScoreJudge":
        """Return what judges scores, calibrated on good images with scores, perhaps in groups; `keys` are their hashes."""
        scores = _upwards(images.attributes[SCORE], lower_is_worse)
        return cls(Calibration((scores,), **sizes_in((images,))), lower_is_worse, columns, keys)

    def mark_promise(self, alpha: float) -> str:
        """Return "": there are no maps."""
        return ""

    @property
    def preprocess(self) -> Preprocess:
        """The one pixel that images of a score have."""
        return NO_PIXELS

    @property
    def member_kinds(self) -> tuple[str, ...]:
        """No member: the other tool scores."""
        return ()

    @property
    def scorer_count(self) -> int:
        """How many scorers there are: the other tool."""
        return 1

    def network_facts(self) -> dict[str, NetworkFacts]:
        """Return nothing: no network is known."""
        return {}

    def appearance(self, dense: ImageSet) -> None:
        """Return None: images are not looked at."""

    def scored(self, dense: ImageSet, pictures: bool) -> FoldScores:
        """Return the scores that stand beside images, higher is more anomalous.

        Raises:
            ImagesError: if there are none.
        """
        scores = dense.attributes.get(SCORE, np.empty(0))
        if len(scores) != len(dense):
            raise ImagesError(f"expected images with a score each, got {dense.source}. Read a table of scores.")
        return FoldScores(_upwards(scores, self.lower_is_worse)[:, None], np.empty((len(dense), 0)), {})

    def part(self) -> Part:
        """Return the part that a model file keeps."""
        config = {"lower_is_worse": self.lower_is_worse, **{f"{name}_column": own for name, own in self.columns.items()}}
        return Part(KIND, config, {**self.calibration.tensors(), "keys": self.keys})

    @classmethod
    def from_file(cls, file: ModelFile) -> "ScoreJudge":
        """Return what judges scores, from a model file.

        Raises:
            ModelFileError: if the file has another task, or lacks a part.
        """
        if file.task != JUDGE:
            raise ModelFileError(
                f"expected the calibration of another tool's scores, got a model: {file.kind}. "
                "Make one with: sablier calibrate --scores good.csv -o tool.sablier"
            )
        try:
            config, tensors = file.parts["calibration"].config, dict(file.parts["calibration"].tensors)
            keys = tensors.pop("keys")
            calibration = Calibration.from_tensors(tensors, 1, False)
            columns = {"id": config["id_column"], "score": config["score_column"]}
            return cls(calibration, config["lower_is_worse"], columns, keys)
        except (SablierError, KeyError, TypeError, ValueError) as error:
            raise ModelFileError(f"the model file lacks a part of a calibration: {error}. Calibrate again.") from error

    def notes(self, images: ImageSet, bad: Array | None = None) -> tuple[str, ...]:
        """Return what is suspicious of N images with scores: that scores may go the other way.

        Args:
            images: the images.
            bad: N booleans, whether images are known to be bad; None if that is not known.
        """
        scores = _upwards(images.attributes[SCORE], self.lower_is_worse)
        contrary = contrary_words(scores, bad, self.lower_is_worse)
        alone = scores if images.groups is None else scores[np.unique(images.groups, return_index=True)[1]]
        return tuple(note for note in (contrary or self._low_words(alone), ties_words(self.calibration)) if note)

    def _low_words(self, scores: Array) -> str:
        """Return that more of N independent scores than chance explains lie below every calibration score; "" otherwise."""
        from scipy.stats import betabinom  # slow to import

        lowest = self.calibration.folds[0][0]
        below, count, groups = int(np.sum(scores < lowest)), len(scores), self.calibration.groups
        if betabinom(count, 1, groups).sf(below - 1) >= BY_CHANCE:
            return ""
        side, expected = ("above" if self.lower_is_worse else "below"), count / (groups + 1)
        return (
            f"{below:,} of {count:,} scores lie {side} every calibration score, where about {expected:.2g} would by chance. "
            f"{_other_way(self.lower_is_worse)} Otherwise these images are not like those of calibration."
        )


@dataclass
class ScoreRecognizer:
    """Recognises rows of a stream that calibrated a `ScoreJudge`, and images of a group that has come before.

    Args:
        keys: hashes of the images that calibrated.
        first: the first id of each group so far.
    """

    keys: Array
    first: dict[int, str] = field(default_factory=dict)

    def recognize(self, dense: ImageSet) -> Recognized:
        """Return what is known of the next images: of each group the first is new, and the others repeat it."""
        known = np.where(np.isin(keys_of(dense), self.keys), CALIBRATED, NEW)
        repeats = [""] * len(dense)
        if dense.groups is not None:
            pairs = zip(dense.ids.tolist(), dense.groups.tolist(), strict=True)
            repeats = ["" if (first := self.first.setdefault(group, id)) == id else first for id, group in pairs]
        return Recognized(WORDS[known], np.array(repeats, str))


def keys_of(images: ImageSet) -> Array:
    """Return N int64: hashes of the ids and scores of images."""
    from hashlib import blake2b

    rows = zip(images.ids.tolist(), images.attributes[SCORE].tolist(), strict=True)
    digests = [blake2b(f"{id}\n{score!r}".encode(), digest_size=8).digest() for id, score in rows]
    return np.frombuffer(b"".join(digests), "<i8").astype(np.int64)


def contrary_words(scores: Array, bad: Array | None, lower_is_worse: bool) -> str:
    """Return that bad images score lower than good ones, beyond chance; "" otherwise.

    Args:
        scores: N scores, already turned so that higher should be more anomalous.
        bad: N booleans, or None.
        lower_is_worse: whether they were turned.
    """
    if bad is None or not bad.any() or bad.all() or auroc_interval(scores[~bad], scores[bad])[1] >= 0.5:
        return ""
    area = auroc(scores[~bad], scores[bad])
    side = "higher" if lower_is_worse else "lower"
    return f"The {np.sum(bad):,} bad images score {side} than the good ones (AUROC {area:.2f}). {_other_way(lower_is_worse)}"


def ties_words(calibration: Calibration) -> str:
    """Return what follows from equal calibration scores; "" where most differ."""
    scores = np.concatenate(calibration.folds)
    different = len(np.unique(scores))
    if different >= FEW_VALUES * len(scores):
        return ""
    return (
        f"Only {different:,} different values among {len(scores):,} calibration scores. Equal scores have one p-value: p-values "
        "stay valid but are coarse, so fewer good images may be flagged than alpha allows, and bad ones are missed."
    )


def _upwards(scores: Array, lower_is_worse: bool) -> Array:
    return -scores if lower_is_worse else scores


def _other_way(lower_is_worse: bool) -> str:
    if lower_is_worse:
        return "If this tool gives bad images high scores, calibrate without --lower-is-worse."
    return "If this tool gives bad images low scores, calibrate with --lower-is-worse."


def empty_images(scores: Array, **columns: Any) -> ImageSet:
    """Return images of N scores, each of one empty pixel; `columns` are those of an `ImageSet`."""
    attributes = {**columns.pop("attributes", {}), SCORE: np.asarray(scores, np.float64)}
    return ImageSet(np.zeros((len(scores), 1, 1, 1), np.uint8), attributes=attributes, **columns)
