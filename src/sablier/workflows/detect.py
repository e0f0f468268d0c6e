"""detect = load, read, score, write, report; in memory that does not grow with the number of images."""

from collections.abc import Callable
from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from typing import Any

from sablier.errors import ImagesError
from sablier.files import write_whole
from sablier.images.sources import stream_images
from sablier.modelfile import ModelFile
from sablier.tasks.detect import Detector
from sablier.tasks.summary import DetectionSummary, Summarizer
from sablier.workflows.tables import streamed_tables

CHUNK_PIXELS = 4_000_000  # how much of a stream is held at once: a few dozen megabytes with everything made of it
MOST_CHUNK, LEAST_CHUNK = 2048, 16


def detect(
    model: str | PathLike[str],
    source: Any,
    output: str | PathLike[str] | None = None,
    *,
    alpha: float = 0.05,
    report: bool = True,
    on_progress: Callable[[int], None] = lambda count: None,
    **reading: Any,
) -> DetectionSummary:
    """Judge every image of a source and write verdicts, heatmaps and a report.

    Args:
        model: a .sablier file that detects.
        source: whatever `stream_images` takes; `reading` are its options.
        output: a folder for detections.csv, detections.json, heatmaps/ and report.html; None writes nothing.
        alpha: the false-alarm rate.
        report: whether to draw heatmaps and the report; the tables are always written.
        on_progress: called with the number of images judged so far.

    Raises:
        ModelFileError, ImagesError, ConfigError, OutputError: before anything is written where possible; tables are
            renamed into place when whole, and what was written of them until an error stays as *.part.
    """
    file, folder = ModelFile.load(Path(model)), None if output is None else Path(output)
    detector = Detector.from_file(file)
    summarizer = Summarizer(detector, alpha, worst=200 if report else 1, typical=12 if report else 1)
    pixels = file.preprocess.height * file.preprocess.width
    chunk = min(MOST_CHUNK, max(LEAST_CHUNK, CHUNK_PIXELS // pixels))
    with ExitStack() as stack:
        tables = None
        if folder is not None:
            tables = stack.enter_context(streamed_tables(folder, "detections.csv", "detections.json", "detections"))
        for images in stream_images(source, chunk=chunk, **reading):
            result = summarizer.judge(images)
            if tables is not None:
                tables.append(result.to_table())
            on_progress(summarizer.count)
        if not summarizer.count:
            reasons = "; ".join(f"{item.id}: {item.reason}" for item in summarizer.skipped[:3])
            raise ImagesError(f"expected at least one readable image in {source}, got none. {reasons}")
        summary = summarizer.summary()
        if tables is not None:
            tables.close(summary.to_json())
    if folder is not None and report:
        # Drawing is imported only when something is drawn: it takes longer than scoring a thousand digits.
        from sablier.report.heatmaps import write_heatmaps
        from sablier.report.html import detection_report

        write_heatmaps(summary.worst, folder / "heatmaps")
        title = f"{Path(model).stem}: {summary.count} images from {source}"
        write_whole(folder / "report.html", detection_report(file, detector, summary, title).encode())
    return summary
