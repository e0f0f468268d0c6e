"""The workflow `merge`: makes one result of the shards that `detect_shard` scored, equal to that of `detect` on the whole.

The tables are read twice: first for the numbers, by which the images to draw are known, then for the rows and the pictures. For
the pictures the wanted images, and no others, are read again from the source.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from os import PathLike
from pathlib import Path

import numpy as np

from sablier.errors import ImagesError, ModelFileError, OutputError
from sablier.images.formats.base import Portion
from sablier.images.imageset import ImageSet
from sablier.images.sources import stream_portion
from sablier.modelfile import ModelFile
from sablier.tasks.detection.batch_counts import BoundOptions
from sablier.tasks.detection.judge import Judge
from sablier.tasks.detection.regions import RegionRule
from sablier.tasks.detection.result import DetectionResult
from sablier.tasks.detection.summary import DetectionSummary, Summarizer
from sablier.workflows.audit import checked_count
from sablier.workflows.detect import pictured_counts, write_report
from sablier.workflows.detection_outputs import Drawing, detection_outputs
from sablier.workflows.detection_pictures import DetectionPictures, Nearest, detection_pictures
from sablier.workflows.judges import open_judge
from sablier.workflows.lots import write_late_tables
from sablier.workflows.outputs import writes
from sablier.workflows.pictures_again import PicturesAgain
from sablier.workflows.shard_record import TABLE, Shard, read_shards, sha256_of
from sablier.workflows.shard_tables import detections, read_chunks

NO_BOUND = BoundOptions(reason="none is stated for shards; `sablier detect` on the whole source states one.")

Shards = Sequence[tuple[Path, Shard]]


@writes("detect", "source")
def merge_shards(
    shards: Sequence[str | PathLike[str]],
    output: str | PathLike[str],
    *,
    alpha: float = 0.05,
    fdr: float | None = None,
    reject_alpha: float | None = None,
    min_area: float = 0.0,
    mm_per_pixel: float | None = None,
    audit: int | None = None,
    report: bool = True,
    model: str | PathLike[str] | None = None,
    source: str | PathLike[str] | None = None,
    backbone: str | PathLike[str] | None = None,
    on_progress: Callable[[int], None] = lambda count: None,
) -> DetectionSummary:
    """Make one result of all shards of a run: verdicts, drift in the order of the source, tables and report.

    Args:
        shards: the folders that `detect_shard` wrote, in any order.
        output: as for `detect`; so are `alpha`, `fdr`, `reject_alpha`, `min_area`, `mm_per_pixel`, `audit` and `backbone`.
        report: whether to write anomaly maps, masks, regions and the report besides the tables; their images are read again.
        model, source: where the model file and the images are now; None: where they were when the first shard was scored.
        on_progress: called with the number of images so far.

    Raises:
        OutputError: if a shard is missing, unfinished, given twice, altered or of another run.
        ModelFileError: if the model is another one.
        ImagesError: if the images that are to be drawn are not there. ConfigError: for a bad option.
    """
    found, folder = read_shards(shards), Path(output)
    _check_apart(found, folder)
    first = found[0][1]
    place = str(first.source if source is None else source)
    file, detector = _judge_of(first, Path(first.model if model is None else model), backbone)
    rule, typical = RegionRule(min_area, mm_per_pixel), pictured_counts(file, folder, report)[1]
    summarizer = Summarizer(detector, alpha, 0, typical, fdr=fdr, reject_alpha=reject_alpha, bounds=NO_BOUND)
    if audit is not None:
        checked_count(audit)
    if report:
        _check_source(first, place)
    wanted = _add_all(found, summarizer, place, on_progress)
    pictures = detection_pictures(detector, folder, alpha, fdr or alpha, rule)
    drawing = _drawing(pictures, _read_again(first, place, wanted), summarizer) if report else None
    with detection_outputs(folder, fdr is not None, drawing) as outputs:
        for result, images in _detections(found, detector, alpha, reject_alpha):
            outputs.append(images, images, result)
        if isinstance(outputs.drawing, PicturesAgain):
            summarizer.show(outputs.drawing.read)
        summary = summarizer.summary()
        shown = outputs.close(summary)
    write_late_tables(folder, summary, audit, place)
    if report:
        write_report(file, detector, summary, folder, f"{Path(first.model).stem}: {summary.count} images from {place}", shown)
    return summary


def _judge_of(shard: Shard, path: Path, backbone: str | PathLike[str] | None) -> tuple[ModelFile, Judge]:
    """Return the model that scored a shard."""
    if not path.is_file():
        raise ModelFileError(f"{path}: no such file. Name the model that scored the shards by --model.")
    if sha256_of(path) != shard.run.model_sha256:
        raise ModelFileError(f"expected the model that scored the shards, got another one in {path}. Name that one by --model.")
    return open_judge(path, backbone)


def _check_apart(shards: Shards, folder: Path) -> None:
    for place, shard in shards:
        if folder.resolve() == place.resolve():
            raise OutputError(f"{folder} holds shard {shard.name}. Choose a folder of its own with -o.")


def _check_source(shard: Shard, source: str) -> None:
    """Raise ImagesError if the source is not there."""
    try:
        next(stream_portion(source, Portion(range(1), lambda id: False), chunk=shard.run.chunk, **shard.run.reading), None)
    except ImagesError as error:
        raise ImagesError(
            f"{error} For the report, some images are read again. Name where they are now by --source, or leave the pictures out "
            "with --no-report."
        ) from error


def _detections(
    shards: Shards, detector: Judge, alpha: float, reject_alpha: float | None
) -> Iterator[tuple[DetectionResult, ImageSet]]:
    """Yield what was found in each chunk of the source, with images of one empty pixel in the place of those scored."""
    labelled = any(shard.labelled for _, shard in shards)
    for folder, shard in shards:
        for rows in read_chunks(folder / TABLE, shard.chunks):
            result = detections(rows, detector, alpha, reject_alpha, labelled)
            empty = np.zeros((len(result), 1, 1, 1), np.uint8)
            yield result, ImageSet(empty, ids=result.ids, labels=result.labels, skipped=result.skipped)


def _add_all(shards: Shards, summarizer: Summarizer, source: str, on_progress: Callable[[int], None]) -> set[str]:
    """Add all chunks to the summary; return the ids of the images that are to be drawn.

    Raises:
        ImagesError: if no image was scored.
    """
    nearest = Nearest.of(summarizer.detector, summarizer.fdr or summarizer.alpha)
    wanted: set[str] = set()
    for result, images in _detections(shards, summarizer.detector, summarizer.alpha, summarizer.reject_alpha):
        summarizer.add(result, images)
        nearest.add(images, result)
        wanted.update(result.ids[result.p_values <= nearest.cut].tolist())
        on_progress(summarizer.count)
    if not summarizer.count:
        reasons = "; ".join(f"{item.id}: {item.reason}" for item in summarizer.skipped[:3])
        raise ImagesError(f"expected at least one readable image in {source}, got none. {reasons}")
    near = [] if nearest.kept is None else nearest.kept.images.ids.tolist()
    return wanted.union(near, summarizer.shown())


def _read_again(shard: Shard, source: str, wanted: set[str]) -> Iterator[ImageSet]:
    """Yield the wanted images of each chunk."""
    portion = Portion(range(shard.run.chunks), wanted.__contains__)
    return stream_portion(source, portion, chunk=shard.run.chunk, **shard.run.reading)


@contextmanager
def _drawing(
    pictures: AbstractContextManager[DetectionPictures], again: Iterator[ImageSet], summarizer: Summarizer
) -> Iterator[Drawing]:
    """Open what draws the images that are read again."""
    with pictures as opened:
        yield PicturesAgain(opened, again, frozenset(summarizer.shown()))
