"""`judge`: scores the images of a source and writes verdicts, in memory that does not grow with their number."""

from collections.abc import Callable
from os import PathLike
from pathlib import Path

from sablier.images.chunks import chunk_for
from sablier.tasks.detection.summary import DetectionSummary, Summarizer
from sablier.workflows.detection_outputs import detection_outputs
from sablier.workflows.judging import judge_stream
from sablier.workflows.likeness import stream_like
from sablier.workflows.outputs import writes
from sablier_runtime.detector import load
from sablier_runtime.missing import named_sets_refused


@writes("detect", "source")
def judge(
    model: str | PathLike[str],
    source: str | PathLike[str],
    output: str | PathLike[str],
    *,
    alpha: float = 0.05,
    fdr: float | None = None,
    reject_alpha: float | None = None,
    strict: bool = False,
    threads: int | None = None,
    on_progress: Callable[[int], None] = lambda count: None,
) -> DetectionSummary:
    """Score each image of a source, flag anomalous ones, and write detections.csv and detections.json.

    Args:
        model: an .onnx file that `sablier export` wrote.
        source: a folder, an image, an archive, or another file of images.
        output: the folder for the tables.
        alpha: the false-alarm rate: the share of good images that may be flagged.
        fdr: in place of `alpha`, the false-discovery rate: the share of good images among the flagged ones.
        reject_alpha: a smaller false-alarm rate, for a triage: "reject" up to it, "review" up to `alpha`, else "pass".
        strict: stop at the first image that cannot be read, and if the images do not resemble the training images.
        threads: how many threads run the graph; None: as many as there are cores.
        on_progress: called with the number of images scored so far.

    Returns:
        The summary, without pictures.

    Raises:
        ModelFileError, ImagesError, ConfigError, OutputError: before anything is written if possible.
    """
    detector = load(model, threads)
    summarizer = Summarizer(
        detector, alpha, worst=0, typical=0, fdr=fdr, reject_alpha=reject_alpha, recognizer=detector.recognizer()
    )
    with named_sets_refused(source):
        stream = stream_like(detector, source, chunk=chunk_for(detector.preprocess), strict=strict)
    with detection_outputs(Path(output), fdr is not None) as outputs:
        return judge_stream(summarizer, stream, source, outputs, on_progress)[0]
