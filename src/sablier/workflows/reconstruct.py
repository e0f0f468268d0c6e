"""The workflow `reconstruct`: reconstructs images, in memory that does not grow with their number."""

from collections.abc import Callable
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from sablier.errors import ImagesError, ModelFileError
from sablier.files import write_each, write_whole
from sablier.images.chunks import chunk_for
from sablier.images.sources import read_images
from sablier.modelfile import ModelFile
from sablier.models.base import Model
from sablier.report.figures import reconstruction_sheet, to_png
from sablier.report.pictures import as_bytes, png
from sablier.tasks.detection.detect import TASK as DETECT
from sablier.tasks.detection.detect import Detector
from sablier.tasks.latent.reconstruct import (
    TASK,
    ReconstructionResult,
    ReconstructionSummarizer,
    ReconstructionSummary,
    fitted_pca,
    latent_size,
    scaled_back,
)
from sablier.workflows.likeness import stream_like
from sablier.workflows.naming import picture_path
from sablier.workflows.outputs import writes
from sablier.workflows.tables import streamed_tables
from sablier.workflows.training.network import network_of

SHOWN = 4  # images of each kind on the sheet


@writes("reconstruct", "source", "baseline")
def reconstruct(
    model: str | PathLike[str],
    source: Any,
    output: str | PathLike[str],
    *,
    baseline: Any = None,
    on_progress: Callable[[int], None] = lambda count: None,
    **reading: Any,
) -> ReconstructionSummary:
    """Reconstruct each image of a source from its code, and write the reconstructions and their errors.

    Args:
        model: a .sablier file of an autoencoder or a detector.
        source: images: anything that `stream_images` takes.
        output: a folder for errors.csv, errors.json, sheet.png and reconstructions/.
        baseline: images to fit PCA with as many numbers to: anything that `read_images` takes. The training images of the
            model make a fair comparison. None compares with nothing.
        on_progress: called with the number of images reconstructed so far.
        **reading: options of `stream_images`.

    Returns:
        The errors, and the best, the typical and the worst images.

    Raises:
        ModelFileError: if the model does not reconstruct.
        ImagesError: if the images cannot be used.
        OutputError: if the output cannot be written.
        TooFewImages: if there are fewer baseline images than numbers in a code.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> import sablier
        >>> with TemporaryDirectory() as folder:
        ...     recipe = sablier.make_recipe("autoencoder", "tiny", ["epochs=1", "latent=4", "width=8"])
        ...     _ = sablier.train("digits", f"{folder}/digits.sablier", recipe)
        ...     result = sablier.reconstruct(f"{folder}/digits.sablier", "digits:test[label=3]", f"{folder}/out")
        >>> result.count, result.numbers
        (28, 4)
    """
    file, folder = ModelFile.load(Path(model)), Path(output)
    network, note = drawing_network(file)
    pca = None
    if baseline is not None:
        fitting = read_images(baseline, **{**reading, "labels": None, "label_column": None}).dense(file.preprocess)
        pca = fitted_pca(fitting, file.preprocess, latent_size(network, file.preprocess))
    summarizer = ReconstructionSummarizer(network, file.preprocess, SHOWN, pca)
    chunks = stream_like(file, source, chunk=chunk_for(file.preprocess), **reading)
    with streamed_tables(folder, "errors.csv", "errors.json", "errors") as tables:
        for images in chunks:
            result = summarizer.reconstruct(images)
            tables.append(result.to_table())
            _write_pictures(result, folder / "reconstructions")
            on_progress(summarizer.count)
        if not summarizer.count:
            reasons = "; ".join(f"{item.id}: {item.reason}" for item in summarizer.skipped[:3])
            raise ImagesError(f"expected at least one readable image in {source}, got none. {reasons}")
        summary = replace(summarizer.summary(), network=note)
        tables.close(summary.to_json())
    write_whole(folder / "sheet.png", to_png(reconstruction_sheet(summary).figure()))
    return summary


def drawing_network(file: ModelFile) -> tuple[Model, str]:
    """Return the network of a model file that reconstructs images, and which one that is if there are several.

    Raises:
        ModelFileError: if there is none.
    """
    if file.task == DETECT:
        scorers = Detector.from_file(file).scorers
        drawing = next((each for each in scorers[0].networks.values() if "reconstruct" in each.capabilities), None)
        if drawing is None:
            raise ModelFileError(
                "no network of this detector draws images. Train one that does with: sablier train IMAGES --recipe autoencoder"
            )
        return drawing, f"the first of {len(scorers)} cross-conformal folds" if len(scorers) > 1 else ""
    if file.task != TASK:
        raise ModelFileError(
            f"expected a model that reconstructs or detects, got {file.kind}. "
            "Train one with: sablier train IMAGES --recipe autoencoder"
        )
    return network_of(file, TASK), ""


def _write_pictures(result: ReconstructionResult, folder: Path) -> None:
    """Write each reconstruction at the size of its image."""

    def write(index: int) -> None:
        height, width = result.sizes[index].tolist()
        picture = scaled_back(result.reconstructions[index : index + 1], height, width)[0]
        write_whole(picture_path(folder, str(result.ids[index])), png(as_bytes(picture)))

    write_each(write, range(len(result)))
