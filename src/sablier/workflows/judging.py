"""Judges a stream of images, in memory that does not grow with it: the same for a model file and for an exported detector."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from sablier.errors import ImagesError
from sablier.images.imageset import ImageSet
from sablier.tasks.detection.result import DetectionResult
from sablier.tasks.detection.summary import DetectionSummary, Summarizer
from sablier.workflows.detection_outputs import Shown


class Outputs(Protocol):
    """What keeps the rows of a stream, such as `DetectionOutputs`."""

    def append(self, images: ImageSet, dense: ImageSet, result: DetectionResult) -> None: ...
    def close(self, summary: DetectionSummary) -> Shown: ...


def judge_stream(
    summarizer: Summarizer,
    stream: Iterable[ImageSet],
    source: Any,
    outputs: Outputs | None,
    on_progress: Callable[[int], None],
) -> tuple[DetectionSummary, Shown]:
    """Score each chunk of a stream, and write what `outputs` writes.

    Args:
        summarizer: scores and summarises.
        stream: the images as they were read.
        source: where they come from, for messages.
        outputs: keeps the rows; None keeps nothing.
        on_progress: called with the number of images scored so far.

    Returns:
        The summary, and what a report shows.

    Raises:
        ImagesError: if no image can be read, or the model does not take one.
        OutputError: if a table cannot be written.
    """
    for images in stream:
        dense = images.dense(summarizer.detector.preprocess)
        result = summarizer.judge(dense)
        if outputs is not None:
            outputs.append(images, dense, result)
        on_progress(summarizer.count)
    if not summarizer.count:
        reasons = "; ".join(f"{item.id}: {item.reason}" for item in summarizer.skipped[:3])
        raise ImagesError(f"expected at least one readable image in {source}, got none. {reasons}")
    summary = summarizer.summary()
    return summary, Shown() if outputs is None else outputs.close(summary)
