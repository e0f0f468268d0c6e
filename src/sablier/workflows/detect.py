"""detect = load, read, score, write, report; in memory that does not grow with the number of images."""

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, TextIO

from sablier.errors import ImagesError, OutputError
from sablier.files import write_whole
from sablier.images.sources import stream_images
from sablier.modelfile import ModelFile
from sablier.tasks.detect import DetectionResult, Detector
from sablier.tasks.summary import DetectionSummary, Summarizer

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
    with _tables(folder) as write:
        for images in stream_images(source, chunk=chunk, **reading):
            write(summarizer.judge(images))
            on_progress(summarizer.count)
        if not summarizer.count:
            reasons = "; ".join(f"{item.id}: {item.reason}" for item in summarizer.skipped[:3])
            raise ImagesError(f"expected at least one readable image in {source}, got none. {reasons}")
        summary = summarizer.summary()
        write(summary)
    if folder is not None and report:
        # Drawing is imported only when something is drawn: it takes longer than scoring a thousand digits.
        from sablier.report.heatmaps import write_heatmaps
        from sablier.report.html import detection_report

        write_heatmaps(summary.worst, folder / "heatmaps")
        title = f"{Path(model).stem}: {summary.count} images from {source}"
        write_whole(folder / "report.html", detection_report(file, detector, summary, title).encode())
    return summary


@contextmanager
def _tables(output: Path | None) -> Iterator[Callable[[DetectionResult | DetectionSummary], None]]:
    """Give a function that appends detections to both tables, and the summary at last; rename them when all is written."""
    if output is None:
        yield lambda result: None
        return
    parts = [output / "detections.csv.part", output / "detections.json.part"]
    try:
        output.mkdir(parents=True, exist_ok=True)
        with parts[0].open("w", newline="", encoding="utf-8") as table, parts[1].open("w", encoding="utf-8") as document:
            yield _Writer(table, document).write
        for part in parts:
            part.replace(part.with_suffix(""))
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{output} cannot be written: {error.strerror or error}. Choose another folder with -o.") from error


class _Writer:
    """Appends rows to an open CSV file and an open JSON document."""

    def __init__(self, table: TextIO, document: TextIO) -> None:
        self.table, self.document = csv.writer(table), document
        self.started = False

    def write(self, result: DetectionResult | DetectionSummary) -> None:
        if isinstance(result, DetectionSummary):
            self.document.write("\n],\n" + json.dumps(result.to_json(), indent=1)[2:] + "\n")
            return
        rows = result.to_table()
        if rows and not self.started:
            self.table.writerow(rows[0])
        self.table.writerows(row.values() for row in rows)
        for row in rows:
            self.document.write((",\n" if self.started else '{"detections": [\n') + json.dumps(row))
            self.started = True
