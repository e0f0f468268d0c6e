"""The workflow `denoise`: removes noise from images, in memory that does not grow with their number."""

import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sablier.errors import ImagesError, ImagesWarning
from sablier.files import WRITERS, write_whole
from sablier.images.imageset import ImageSet, Skipped
from sablier.modelfile import ModelFile
from sablier.tasks.denoise import TASK, DenoisingResult, NoiseRemover
from sablier.tasks.streaming import MOST_SKIPPED_LISTED
from sablier.typing import Array
from sablier.workflows.image_files import as_file
from sablier.workflows.likeness import stream_like
from sablier.workflows.naming import picture_path
from sablier.workflows.outputs import writes
from sablier.workflows.tables import StreamedTables, streamed_tables
from sablier.workflows.training.network import network_of

CHUNK = 32  # images a stream yields at once: arrays are in memory, image files are decoded one by one
PIXELS_AT_ONCE = 1_000_000
MOST_ROWS = 20
SHEET = "sheet.png"
MOST_ON_SHEET = 8


@dataclass(frozen=True)
class DenoisingSummary:
    """Statistics of a stream of denoised images.

    Args:
        count, skipped_count, out_of_range: the numbers of denoised images, of unreadable ones, and of those whose noise
            level the model was not trained on.
        trained_range: the lowest and the highest noise level trained on; None if unknown.
        rows: the first 20 rows, as `DenoisingResult.to_table` gives them.
        skipped: unreadable images, at most 1,000 of them.
    """

    count: int
    skipped_count: int
    out_of_range: int
    trained_range: tuple[float, float] | None
    rows: tuple[dict[str, Any], ...]
    skipped: tuple[Skipped, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the numbers."""
        return {
            "count": self.count,
            "out_of_range": self.out_of_range,
            "trained_range": self.trained_range,
            "skipped": [{"id": item.id, "reason": item.reason} for item in self.skipped],
            "skipped_count": self.skipped_count,
        }


@writes("denoise", "source")
def denoise(
    model: str | PathLike[str],
    source: Any,
    output: str | PathLike[str] | None = None,
    *,
    on_progress: Callable[[int], None] = lambda count: None,
    **reading: Any,
) -> DenoisingSummary:
    """Remove the noise of each image of a source, and estimate its level.

    Args:
        model: a .sablier file of a denoiser.
        source: images of any size: anything that `stream_images` takes.
        output: a folder for the denoised images, levels.csv, denoised.json and sheet.png; None writes nothing. "a.jpg"
            becomes "a.jpg.png"; floats and 16-bit colour, which Pillow cannot write as PNG, become .npy of H,W or H,W,C.
        on_progress: called with the number of images denoised so far.
        **reading: options of `stream_images`.

    Returns:
        The numbers of images, the trained range and the first rows.

    Raises:
        ModelFileError, ImagesError, OutputError: before anything is written if possible; finished tables are renamed.

    Warns:
        ImagesWarning: once, if the model was not trained on some noise levels.
    """
    remover = noise_remover(file := ModelFile.load(Path(model)))
    folder = None if output is None else Path(output)
    chunks = stream_like(file, source, chunk=CHUNK, **reading)
    tally = _Tally(remover.trained_range)
    with ExitStack() as stack:
        writer = None
        if folder is not None:
            tables = stack.enter_context(streamed_tables(folder, "levels.csv", "denoised.json", "images"))
            writer = _Writer(folder, tables, stack.enter_context(ThreadPoolExecutor(WRITERS)))
        for images in (part for chunk in chunks for part in _bounded(chunk)):
            result = remover.denoise(images)
            tally.add(result)
            if writer is not None:
                writer.write(result)
            on_progress(tally.count)
        if not tally.count:
            reasons = "; ".join(f"{item.id}: {item.reason}" for item in tally.skipped[:3])
            raise ImagesError(f"expected at least one readable image in {source}, got none. {reasons}".rstrip())
        summary = tally.summary()
        if writer is not None:
            writer.finish(summary)
    if summary.trained_range is not None and summary.out_of_range:
        low, high = summary.trained_range
        warnings.warn(
            f"{summary.out_of_range} of {summary.count} images have a noise level outside the {low:g} to {high:g} that the "
            "model was trained on. They were cleaned all the same: look at them. To cover such levels, train with "
            "--set noise_high=... --set noise_low=...",
            ImagesWarning,
            stacklevel=2,
        )
    return summary


def noise_remover(file: ModelFile) -> NoiseRemover:
    """Return the noise remover of a model file.

    Raises:
        ModelFileError: if the file has another task, or lacks the network.
    """
    return NoiseRemover(network_of(file, TASK), file.preprocess, file.provenance.recipe.get("objective", {}))


def write_image(folder: Path, name: str, image: Array) -> None:
    """Write an H,W,C image below a folder: as PNG, or as .npy if PNG cannot hold it.

    Raises:
        OutputError: if it cannot be written; an existing file then stays as it was.
    """
    suffix, data = as_file(image)
    path = picture_path(folder, name, suffix)
    # An image named like the sheet must not be overwritten by it.
    write_whole(path.with_stem("sheet-") if path == folder / SHEET else path, data)


class _Tally:
    """Counts results, and keeps the first rows and the first unreadable images."""

    def __init__(self, trained_range: tuple[float, float] | None) -> None:
        self.trained_range = trained_range
        self.count = self.skipped_count = self.out_of_range = 0
        self.rows: list[dict[str, Any]] = []
        self.skipped: list[Skipped] = []

    def add(self, result: DenoisingResult) -> None:
        self.count += len(result)
        self.skipped_count += len(result.skipped)
        self.out_of_range += result.out_of_range
        self.rows = [*self.rows, *result.to_table()][:MOST_ROWS]
        self.skipped = [*self.skipped, *result.skipped][:MOST_SKIPPED_LISTED]

    def summary(self) -> DenoisingSummary:
        return DenoisingSummary(
            self.count, self.skipped_count, self.out_of_range, self.trained_range, tuple(self.rows), tuple(self.skipped)
        )


class _Writer:
    """Writes results into a folder: images, tables, and a sheet of the first few.

    The images of one result are written while the next is computed.
    """

    def __init__(self, folder: Path, tables: StreamedTables, pool: ThreadPoolExecutor) -> None:
        self.folder, self.tables, self.pool = folder, tables, pool
        self.pending: list[Future[None]] = []
        self.shown: list[tuple[str, tuple[Array, ...]]] = []

    def write(self, result: DenoisingResult) -> None:
        self._wait()
        images = zip(map(str, result.ids), result.cleaned, strict=True)
        self.pending = [self.pool.submit(write_image, self.folder, name, image) for name, image in images]
        self.tables.append(result.to_table())
        if len(self.shown) < MOST_ON_SHEET:
            # Plotting is imported only when needed: it is slow to import.
            from sablier.report.plot import before_and_after

            self.shown += before_and_after(result, MOST_ON_SHEET - len(self.shown))

    def finish(self, summary: DenoisingSummary) -> None:
        from sablier.report.figures import to_png
        from sablier.report.plot import denoising_sheet

        self._wait()
        self.tables.close(summary.to_json())
        write_whole(self.folder / SHEET, to_png(denoising_sheet(self.shown).figure()))

    def _wait(self) -> None:
        """Wait until the last images are written, and raise what went wrong."""
        for image in self.pending:
            image.result()


def _bounded(images: ImageSet) -> Iterator[ImageSet]:
    """Yield a set in parts of at most about a million pixels, so that only so many are decoded at once."""
    areas = np.prod(images.sizes, axis=1)
    start = 0
    while start < len(images) or start == 0:
        stop = start + max(1, int(np.searchsorted(np.cumsum(areas[start:]), PIXELS_AT_ONCE, side="right")))
        part = images.take(np.arange(start, min(stop, len(images))))
        # Skipped images go with the first part, which may hold nothing else.
        yield part if start == 0 else replace(part, skipped=())
        start = stop
