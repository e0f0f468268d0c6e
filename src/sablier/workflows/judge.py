"""The workflow `judge`: verdicts and a report on the scores of any other tool."""

from collections.abc import Callable
from contextlib import nullcontext
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from sablier.calibration import CONFIDENCE, LOT_CONFIDENCE
from sablier.errors import ConfigError
from sablier.files import write_text
from sablier.modelfile import ModelFile
from sablier.tasks.detection.score_judge import ScoreJudge, ScoreRecognizer
from sablier.tasks.detection.summary import DetectionSummary, Summarizer
from sablier.workflows.audit import checked_count
from sablier.workflows.detection_outputs import detection_outputs
from sablier.workflows.judging import judge_stream
from sablier.workflows.lots import bound_options, write_late_tables
from sablier.workflows.outputs import writes
from sablier.workflows.score_tables import ScoreColumns, read_scores

if TYPE_CHECKING:
    from sablier.workflows.score_pictures import ScorePictures

CHUNK = 4096  # rows


@writes("judge", "scores")
def judge(
    model: str | PathLike[str],
    scores: str | PathLike[str],
    output: str | PathLike[str] | None = None,
    *,
    alpha: float = 0.05,
    fdr: float | None = None,
    reject_alpha: float | None = None,
    columns: ScoreColumns | None = None,
    groups: str | None = None,
    confidence: float = CONFIDENCE,
    lot: str | None = None,
    lot_confidence: float = LOT_CONFIDENCE,
    simultaneous: bool = False,
    audit: int | None = None,
    report: bool = True,
    on_progress: Callable[[int], None] = lambda count: None,
) -> DetectionSummary:
    """Flag images by the scores that another tool gave them, at a guaranteed false-alarm rate, and return a summary.

    Args:
        model: the .sablier file that `calibrate_scores` wrote.
        scores: a CSV table with a row for each image.
        output: a folder for the tables, photos of flagged images and report.html; None writes nothing.
        alpha, fdr, reject_alpha, audit, on_progress: as for `detect`.
        columns: which columns are used; None takes those that calibrated.
        groups: which images are dependent, as `sablier.images.grouping.parse_groups` reads it; None takes the column "group".
            The drift alarm counts each group once.
        confidence, lot, lot_confidence, simultaneous: of the bounds, as `bound_options` takes them.
        report: whether to write photos and the report besides the tables.

    Raises:
        ModelFileError, ImagesError, ConfigError, OutputError: before anything is written if possible.
    """
    file = ModelFile.load(Path(model))
    judge = ScoreJudge.from_file(file)
    table = read_scores(scores, columns or ScoreColumns(**judge.columns), groups)
    summarizer = Summarizer(
        judge, alpha, worst=0, typical=0, reject_alpha=reject_alpha, fdr=fdr, recognizer=ScoreRecognizer(judge.keys),
        bounds=bound_options(confidence, table.groups, lot, lot_confidence, simultaneous),
        notes=judge.notes(table.images, table.bad),
    )  # fmt: skip
    folder = None if output is None else Path(output)
    if audit is not None and checked_count(audit) and folder is None:
        raise ConfigError(f"expected an output folder for the {audit} images to audit, got none.")
    drawing = nullcontext(_pictures(folder, Path(scores).parent)) if folder is not None and report else None
    with nullcontext() if folder is None else detection_outputs(folder, fdr is not None, drawing) as outputs:
        summary, shown = judge_stream(summarizer, table.images.chunks(CHUNK), scores, outputs, on_progress)
    if folder is not None:
        write_late_tables(folder, summary, audit, scores)
    if folder is not None and report:
        from sablier.report.html import detection_report  # plotting is slow to import

        title = f"{Path(model).stem}: {summary.count} scores from {scores}"
        write_text(folder / "report.html", detection_report(file, judge, summary, title, shown.rows))
    return summary


def _pictures(folder: Path, near: Path) -> "ScorePictures":
    from sablier.workflows.score_pictures import ScorePictures  # plotting is slow to import

    return ScorePictures(folder, near)
