"""The workflow `detect`: scores images, and writes verdicts and a report, in memory that does not grow with their number."""

from collections.abc import Callable
from contextlib import nullcontext
from os import PathLike
from pathlib import Path
from typing import Any

from sablier.calibration import CONFIDENCE, LOT_CONFIDENCE
from sablier.errors import ConfigError
from sablier.files import write_text
from sablier.images.chunks import at_once, chunk_for
from sablier.modelfile import ModelFile
from sablier.tasks.detection.judge import Judge
from sablier.tasks.detection.regions import RegionRule
from sablier.tasks.detection.summary import DetectionSummary, Summarizer
from sablier.tasks.known_part import recognizer_of
from sablier.workflows.audit import checked_count
from sablier.workflows.detection_outputs import Shown, detection_outputs
from sablier.workflows.detection_pictures import detection_pictures
from sablier.workflows.judges import open_judge
from sablier.workflows.judging import judge_stream
from sablier.workflows.likeness import stream_like
from sablier.workflows.lots import bound_options, write_late_tables
from sablier.workflows.outputs import writes

MOST_WORST, MOST_TYPICAL = 20, 12  # images with pictures in a summary: the highest scores, and an even sample of all


@writes("detect", "source")
def detect(
    model: str | PathLike[str],
    source: Any,
    output: str | PathLike[str] | None = None,
    *,
    alpha: float = 0.05,
    fdr: float | None = None,
    reject_alpha: float | None = None,
    confidence: float = CONFIDENCE,
    groups: str | None = None,
    lot: str | None = None,
    lot_confidence: float = LOT_CONFIDENCE,
    simultaneous: bool = False,
    min_area: float = 0.0,
    mm_per_pixel: float | None = None,
    audit: int | None = None,
    report: bool = True,
    backbone: str | PathLike[str] | None = None,
    on_progress: Callable[[int], None] = lambda count: None,
    **reading: Any,
) -> DetectionSummary:
    """Score each image of a source, flag anomalous ones at a guaranteed false-alarm rate, and return a summary.

    Args:
        model: a .sablier file of a detector, or an .onnx file that `sablier export` wrote of one.
        source: anything that `stream_images` takes; `reading` are its options.
        output: a folder for the tables, the pictures and regions of flagged images, and report.html; None writes nothing.
        alpha: the false-alarm rate: the share of good images that may be flagged.
        fdr: in place of `alpha`, the false-discovery rate: the share of good images among the flagged ones.
        reject_alpha: a smaller false-alarm rate, for a triage: "reject" up to it, "review" up to `alpha`, else "pass".
        confidence, groups, lot, lot_confidence, simultaneous: of the bounds, as `bound_options` takes them.
        min_area, mm_per_pixel: which regions count, as `RegionRule` takes them; no verdict changes.
        audit: how many unflagged images to sample into audit.csv, for a person.
        report: whether to write anomaly maps, masks, regions and the report besides the tables; without an output, whether the
            summary has pictures of the images with the highest scores, as `sablier.plot` draws them.
        backbone: the file of the user's feature network that the model was trained with, if any; it is run.
        on_progress: called with the number of images scored so far.

    Raises:
        ModelFileError, BackboneError, ImagesError, ConfigError, OutputError: before anything is written if possible.
    """
    rule = RegionRule(min_area, mm_per_pixel)
    file, detector = open_judge(model, backbone)
    folder = None if output is None else Path(output)
    summarizer = Summarizer(
        detector, alpha, *pictured_counts(file, folder, report), fdr=fdr, reject_alpha=reject_alpha,
        bounds=bound_options(confidence, groups, lot, lot_confidence, simultaneous), recognizer=recognizer_of(file),
    )  # fmt: skip
    if audit is not None and checked_count(audit) and folder is None:
        raise ConfigError(f"expected an output folder for the {audit} images to audit, got none.")
    stream = stream_like(file, source, chunk=chunk_for(file.preprocess), **reading)
    drawing = detection_pictures(detector, folder, alpha, fdr or alpha, rule) if folder is not None and report else None
    with nullcontext() if folder is None else detection_outputs(folder, fdr is not None, drawing) as outputs:
        summary, shown = judge_stream(summarizer, stream, source, outputs, on_progress)
    if folder is not None:
        write_late_tables(folder, summary, audit, source)
    if folder is not None and report:
        write_report(file, detector, summary, folder, f"{Path(model).stem}: {summary.count} images from {source}", shown)
    return summary


def pictured_counts(file: ModelFile, folder: Path | None, report: bool) -> tuple[int, int]:
    """Return how many of the worst and of the typical images the summary has with pictures.

    Large photos have none, since they would fill the memory. Those with the highest scores are drawn into the folder if there is
    one.
    """
    large = at_once(MOST_WORST, file.preprocess.height * file.preprocess.width) < MOST_WORST
    if large or not report:
        return 0, 0
    return MOST_WORST if folder is None else 0, MOST_TYPICAL


def write_report(file: ModelFile, detector: Judge, summary: DetectionSummary, folder: Path, title: str, shown: Shown) -> None:
    """Write report.html into an output folder."""
    from sablier.report.html import detection_report  # plotting is slow to import

    write_text(folder / "report.html", detection_report(file, detector, summary, title, shown.rows, shown.groups))
