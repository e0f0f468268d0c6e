"""detect = load, read, score, write, report; in memory that does not grow with the number of images."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from typing import Any

from sablier.errors import ConfigError, ImagesError
from sablier.files import write_text
from sablier.images.chunks import chunk_for
from sablier.modelfile import ModelFile
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.summary import DetectionSummary, Summarizer
from sablier.tasks.known_images import Recognizer
from sablier.workflows.audit import checked_count, write_questions
from sablier.workflows.likeness import stream_like
from sablier.workflows.outputs import writes
from sablier.workflows.picture_names import MAPS, MASKS, picture_columns, picture_names
from sablier.workflows.tables import StreamedTables, WaitingRows, streamed_tables, waiting_rows


@writes("detect", "source")
def detect(
    model: str | PathLike[str],
    source: Any,
    output: str | PathLike[str] | None = None,
    *,
    alpha: float = 0.05,
    fdr: float | None = None,
    audit: int | None = None,
    report: bool = True,
    backbone: str | PathLike[str] | None = None,
    on_progress: Callable[[int], None] = lambda count: None,
    **reading: Any,
) -> DetectionSummary:
    """Judge every image of a source and write verdicts, anomaly maps and a report.

    Args:
        model: a .sablier file that detects.
        source: whatever `stream_images` takes; `reading` are its options.
        output: a folder for detections.csv, detections.json, maps/, masks/ and report.html; None writes nothing.
        alpha: the false-alarm rate: the share of good images that may be flagged.
        fdr: in place of alpha, the false-discovery rate: the share of good images among the flagged ones.
        audit: how many unflagged images to draw at random into audit.csv, for a person to judge: see `sablier.workflows.audit`.
        report: whether to draw anomaly maps, masks and the report; the tables are always written.
        backbone: the file of the feature network that the model was trained with, if it was one of the user's own; it is run.
        on_progress: called with the number of images judged so far.

    Raises:
        ModelFileError, BackboneError, ImagesError, ConfigError, OutputError: before anything is written where possible;
            tables are renamed into place when whole.
    """
    file, folder = ModelFile.load(Path(model)), None if output is None else Path(output)
    detector = Detector.from_file(file, backbone, scores=True)
    pictures = {"worst": 200 if report else 1, "typical": 12 if report else 1}
    summarizer = Summarizer(detector, alpha, **pictures, fdr=fdr, recognizer=Recognizer.of(file))
    if audit is not None and checked_count(audit) and folder is None:
        raise ConfigError(f"expected an output folder for the {audit} images to audit, got none.")
    with ExitStack() as stack:
        tables, waiting = None, None
        if folder is not None:
            tables = stack.enter_context(streamed_tables(folder, "detections.csv", "detections.json", "detections"))
            waiting = None if fdr is None and not report else stack.enter_context(waiting_rows(folder))
        for images in stream_like(file, source, chunk=chunk_for(file.preprocess), **reading):
            rows = summarizer.judge(images).to_table()
            if tables is not None:
                (waiting or tables).append(rows)
            on_progress(summarizer.count)
        if not summarizer.count:
            reasons = "; ".join(f"{item.id}: {item.reason}" for item in summarizer.skipped[:3])
            raise ImagesError(f"expected at least one readable image in {source}, got none. {reasons}")
        summary = summarizer.summary()
        if tables is not None:
            if waiting is not None:
                _release(waiting, tables, summary, picture_names(summary.worst) if report else None)
            tables.close(summary.to_json())
    if folder is not None:
        if audit is not None:
            write_questions(folder, audit, source)
        if report:
            _write_pictures(file, detector, summary, folder, f"{Path(model).stem}: {summary.count} images from {source}")
    return summary


def _release(waiting: WaitingRows, tables: StreamedTables, summary: DetectionSummary, pictures: Mapping[str, str] | None) -> None:
    """Give the rows of a batch what none had before all of it was seen: verdicts, and the pictures of the worst."""
    for row in waiting.take():
        tables.append([{**row, "verdict": summary.verdict(row["p_value"]), **picture_columns(row["id"], pictures)}])


def _write_pictures(file: ModelFile, detector: Detector, summary: DetectionSummary, folder: Path, title: str) -> None:
    # Drawing is imported only when something is drawn: it takes longer than scoring a thousand digits.
    from sablier.report.anomaly_maps import write_maps
    from sablier.report.html import detection_report
    from sablier.report.masks import write_masks

    write_maps(summary.worst, folder / MAPS)
    write_masks(summary.worst, folder / MASKS, summary.worst.sizes)
    write_text(folder / "report.html", detection_report(file, detector, summary, title))
