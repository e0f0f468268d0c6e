"""calibrate --scores = a threshold for the scores of any other tool, from a table of good images."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path

import numpy as np
import torch

import sablier
from sablier.errors import ConfigError, ImagesError, TooFewImages
from sablier.files.kinds import MODEL
from sablier.images.grouping import count_groups, counted_groups
from sablier.images.imageset import ImageSet
from sablier.modelfile import JUDGE, ModelFile, Provenance
from sablier.tasks.detection.score_judge import NO_PIXELS, SCORE, ScoreJudge, contrary_words, keys_of, ties_words
from sablier.typing import Array
from sablier.workflows.feedback import judged
from sablier.workflows.fresh_images import check_still_decides
from sablier.workflows.outputs import writes
from sablier.workflows.score_tables import ScoreColumns, ScoreTable, read_scores


@dataclass(frozen=True)
class CalibratedScores:
    """The calibration of another tool's scores.

    Args:
        file: as it was written.
        judge: what it holds.
        notes: what is suspicious of the scores, in sentences.
    """

    file: ModelFile
    judge: ScoreJudge
    notes: tuple[str, ...]


@writes("calibrate", "scores", file=MODEL, otherwise="model")
def calibrate_scores(
    scores: str | PathLike[str],
    output: str | PathLike[str] | None = None,
    *,
    model: str | PathLike[str] | None = None,
    feedback: Sequence[str | PathLike[str]] = (),
    alpha: float = 0.05,
    fdr: float | None = None,
    columns: ScoreColumns | None = None,
    groups: str | None = None,
    lower_is_worse: bool = False,
    force: bool = False,
) -> CalibratedScores:
    """Calibrate the scores that any other tool gave to good images, so that `judge` gives verdicts on its later scores.

    The images must not have trained the tool. Rows that a column "label" names bad are left out. With feedback the table is a
    whole batch as it came, of which a person has judged all that `model` flags; the images rejected are left out.

    Args:
        scores: a CSV table with a row for each image.
        output: the .sablier file to write; None replaces `model`, whole or not at all.
        model: an earlier such file, whose columns and direction are used again.
        feedback: CSV files with the columns `id` and `verdict`, good or bad; they take a `model`.
        alpha: the false-alarm rate that the model is used at, and that images were flagged at.
        fdr: the false-discovery rate at which they were, if it was one.
        columns: which columns are used; None takes those of `model`, or the usual names.
        groups: which images are dependent, as `sablier.images.grouping.parse_groups` reads it; None takes the column "group".
        lower_is_worse: whether the tool gives bad images low scores; with a `model`, its direction counts.
        force: replace `model` even by one that can give no verdict at `alpha`.

    Raises:
        ModelFileError: if `model` is not such a file.
        TooFewImages: for fewer than 2 groups, or too few for the verdict at `alpha` that a `model` to be replaced gives.
        ImagesError: for a table that cannot be used, feedback that is unfair, or bad images that score as good ones should.
        ConfigError: for neither an output nor a model, feedback without a model, or a direction other than that of `model`.
    """
    if output is None and model is None:
        raise ConfigError("expected a file to write the calibration to, got none. Name it, for example -o tool.sablier")
    if feedback and model is None:
        raise ConfigError("expected the calibration that flagged the images beside feedback on them, got none. Name its file.")
    earlier = None if model is None else ScoreJudge.from_file(ModelFile.load(Path(model)))
    if earlier is not None:
        if lower_is_worse and not earlier.lower_is_worse:
            raise ConfigError(f"expected the direction of {model}, higher is worse, got another. Calibrate without a model.")
        columns, lower_is_worse = columns or ScoreColumns(**earlier.columns), earlier.lower_is_worse
    table = read_scores(scores, columns or ScoreColumns(), groups)
    images, bad = table.images, _known_bad(table)
    if earlier is not None and feedback:
        bad = judged(earlier, images, feedback, alpha, fdr)[1]
    good = images if bad is None else images.take(~bad)
    _check_direction(images, bad, lower_is_worse)
    if count_groups(good) < 2:
        raise TooFewImages(f"expected at least 2 good images to calibrate with, of 2 groups, got {counted_groups(good)}.")
    place = Path(str(model if output is None else output))
    if earlier is not None and not force and place.resolve() == Path(str(model)).resolve():
        check_still_decides(earlier, good, alpha)
    judge = ScoreJudge.calibrated(good, lower_is_worse, table.columns, np.sort(keys_of(good)))
    file = _file(judge, good, 0 if bad is None else int(bad.sum()))
    file.save(place)
    return CalibratedScores(file, judge, tuple(filter(None, [ties_words(judge.calibration)])))


def _known_bad(table: ScoreTable) -> Array | None:
    """Return N booleans, whether labels name images bad; None without labels. ImagesError for labels of other words."""
    images = table.images
    if images.labels is not None and table.bad is None:
        raise ImagesError(
            f"{images.source}: expected labels that say good or bad (or normal, abnormal, 0, 1), got others, such as "
            f"{str(images.labels[0])!r}. Only good images may calibrate: leave bad ones out, and drop the column of labels."
        )
    return table.bad


def _check_direction(images: ImageSet, bad: Array | None, lower_is_worse: bool) -> None:
    """Raise ImagesError where the bad images of a table score lower than the good ones, beyond chance."""
    scores = images.attributes[SCORE]
    if words := contrary_words(-scores if lower_is_worse else scores, bad, lower_is_worse):
        raise ImagesError(f"{images.source}: expected bad images to score worse than good ones. {words}")


def _file(judge: ScoreJudge, good: ImageSet, left_out: int) -> ModelFile:
    scores = good.attributes[SCORE]
    provenance = Provenance(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        sablier=sablier.__version__,
        torch=torch.__version__,
        source=good.source,
        images=len(good),
        groups=count_groups(good),
        grouping="given",
        fingerprint=hashlib.sha256(np.ascontiguousarray(scores, "<f8").tobytes()).hexdigest(),
        recipe={},
        calibrated=f"on the scores of {counted_groups(good)} in {good.source}"
        + (f"; {left_out:,} bad ones left out" if left_out else ""),
    )
    return ModelFile(JUDGE, NO_PIXELS, {"calibration": judge.part()}, {}, provenance)
