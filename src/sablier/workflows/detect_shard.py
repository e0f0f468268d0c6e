"""The workflow `detect --shard`: scores a part of the images of a source; `merge` makes one result of all parts.

A shard is a block of successive images, so that images that repeat each other mostly lie in one, and so that drift is that of
the order of the source. Its images are scored in the chunks in which `detect` scores them, and recognised after the images
before them, which are read for that. So each number is that of `detect`, bit for bit on the same machine.

What is scored waits in parts of about 2,000 images, each written whole. A killed run goes on after the last part.
"""

from collections.abc import Callable
from dataclasses import replace
from os import PathLike
from pathlib import Path
from shutil import rmtree
from typing import Any

from sablier.errors import ConfigError, ImagesError, OutputError
from sablier.files import write_whole
from sablier.files.whole import Part
from sablier.images.chunks import chunk_for
from sablier.images.formats.base import Portion
from sablier.images.sources import stream_portion
from sablier.modelfile import ModelFile
from sablier.tasks.detection.judge import Judge
from sablier.tasks.known_images import MOST_REMEMBERED, Recognizer
from sablier.tasks.known_part import recognizer_of
from sablier.workflows.judges import open_judge
from sablier.workflows.likeness import check_likeness
from sablier.workflows.outputs import writes
from sablier.workflows.shard_record import TABLE, Run, Shard, holds_table, sha256_of
from sablier.workflows.shard_tables import HEADER, count_rows, read_chunks, shard_lines

PARTS = "parts"
PART_IMAGES = 2048  # of a part, unless a chunk has more


@writes("detect", "source", adds=True)
def detect_shard(
    model: str | PathLike[str],
    source: str | PathLike[str],
    output: str | PathLike[str],
    shard: tuple[int, int],
    *,
    backbone: str | PathLike[str] | None = None,
    on_progress: Callable[[int], None] = lambda count: None,
    **reading: Any,
) -> Shard:
    """Score the images of one shard of a source, for `merge_shards`; a run that was stopped goes on where it stopped.

    Args:
        model: a .sablier file of a detector, or an .onnx file that `sablier export` wrote of one.
        source: a path or a name that `stream_images` takes; `reading` are its options.
        output: a folder for the table scores.csv and for shard.json, which says what it is a part of.
        shard: its number from 1, and how many there are.
        backbone: as for `detect`.
        on_progress: called with the number of images scored so far.

    Returns:
        The shard, with the numbers of images.

    Raises:
        ConfigError: for a shard that there is not.
        OutputError: if the folder holds another shard, or one of another run.
        ModelFileError, BackboneError, ImagesError: before anything is written if possible.
    """
    number, shards = shard
    if not 1 <= number <= shards:
        raise ConfigError(f"expected a shard from 1/{shards} to {shards}/{shards}, got {number}/{shards}.")
    if not isinstance(source, str | PathLike):
        raise ConfigError(f"expected a path or a named set to divide into shards, got {type(source).__name__}.")
    folder, file, detector = Path(output), *open_judge(model, backbone)
    run = Run.of(Path(model), str(source), chunk_for(file.preprocess), shards, reading)
    record = Shard(number, str(model), str(source), run)
    before = _before(folder, record)
    if before is not None and before.finished and holds_table(folder, before):
        on_progress(before.scored)
        rmtree(folder / PARTS, ignore_errors=True)
        return before
    record.write(folder)
    parts = _parts(folder, record)
    done = next((place for place, (path, _) in enumerate(parts) if not path.is_file()), len(parts))
    if done < len(parts):
        _score(file, detector, record, parts[done:], on_progress, reading)
    return _joined(folder, record, parts)


def _before(folder: Path, record: Shard) -> Shard | None:
    """Return the shard that was begun in the folder, which must be the same."""
    before = Shard.read(folder)
    if before is not None:
        other = record.run.difference(before.run)
        if before.number != record.number or other:
            held = f"shard {before.name}, not {record.name}" if not other else f"a shard of {other}"
            raise OutputError(f"{folder} holds {held}. Choose another folder with -o.")
    return before


def _parts(folder: Path, record: Shard) -> list[tuple[Path, range]]:
    """Return the path and the chunks of each part of a shard."""
    chunks, step = record.chunks, max(1, PART_IMAGES // record.run.chunk)
    every = [chunks[at : at + step] for at in range(0, len(chunks), step)]
    return [(folder / PARTS / f"{part.start:08}.csv", part) for part in every]


def _score(
    file: ModelFile, detector: Judge, record: Shard, parts: list[tuple[Path, range]],
    on_progress: Callable[[int], None], reading: dict[str, Any],
) -> None:  # fmt: skip
    """Write successive parts."""
    chunk, first, count = record.run.chunk, parts[0][1].start, 0
    recognizer = _with_earlier_images(file, record, first, reading)
    stream = stream_portion(record.source, Portion(range(first, parts[-1][1].stop)), chunk=chunk, **reading)
    for path, part in parts:
        lines = [HEADER]
        for number in part:
            images = next(stream, None)
            if images is None:
                raise ImagesError(
                    f"{record.source}: expected {record.run.images:,} images, as before, got fewer. Score it again."
                )
            if number == first and len(images):
                check_likeness(file, images, strict=bool(reading.get("strict")))
            dense = images.dense(file.preprocess)
            result = detector.detect(dense, confidence=None)
            if len(dense):
                result = replace(result, recognized=recognizer.recognize(dense))
            lines.append(shard_lines(number, result))
            count += len(result)
            on_progress(count)
        write_whole(path, b"".join(lines))


def _with_earlier_images(file: ModelFile, record: Shard, first: int, reading: dict[str, Any]) -> Recognizer:
    """Return what recognises images, after it has seen as many images before a chunk as it remembers."""
    chunk = record.run.chunk
    back = -(-MOST_REMEMBERED // chunk)
    while True:
        recognizer, seen, start = recognizer_of(file), 0, max(0, first - back)
        for images in stream_portion(record.source, Portion(range(start, first)), chunk=chunk, **reading):
            dense = images.dense(file.preprocess)
            if len(dense):
                recognizer.recognize(dense)
                seen += len(dense)
        if seen >= MOST_REMEMBERED or not start:
            return recognizer
        back *= 2  # so many could not be read, or were not selected


def _joined(folder: Path, record: Shard, parts: list[tuple[Path, range]]) -> Shard:
    """Write the table of a shard, given its parts, and remove them."""
    scored = unreadable = 0
    labelled = False
    try:
        with Part(folder / TABLE) as table:
            table.file.write(HEADER)
            for path, part in parts:
                for rows in read_chunks(path, part):
                    counts = count_rows(rows)
                    scored, unreadable, labelled = scored + counts[0], unreadable + counts[1], labelled or counts[2]
                table.file.write(path.read_bytes().removeprefix(HEADER))
            table.finish()
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{folder / TABLE} could not be written: {error.strerror or error}.") from error
    finished = replace(
        record, finished=True, scored=scored, unreadable=unreadable, labelled=labelled, table_sha256=sha256_of(folder / TABLE)
    )
    finished.write(folder)
    rmtree(folder / PARTS, ignore_errors=True)
    return finished
