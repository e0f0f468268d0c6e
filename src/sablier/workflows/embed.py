"""The workflow `embed`: encodes images; only their codes stay in memory."""

from collections.abc import Callable
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from sablier.errors import ModelFileError
from sablier.images.chunks import chunk_for
from sablier.modelfile import ModelFile
from sablier.models.base import Model
from sablier.tasks.detection.detect import TASK as DETECT
from sablier.tasks.latent.embed import Embedder, EmbeddingResult
from sablier.tasks.latent.latents import check_latents_path
from sablier.workflows.likeness import stream_like
from sablier.workflows.outputs import by_suffix, writes
from sablier.workflows.reconstruct import drawing_network
from sablier.workflows.training.network import NET
from sablier.workflows.training.train import check_writable


@writes("embed", "source", file=by_suffix)
def embed(
    model: str | PathLike[str],
    source: Any,
    output: str | PathLike[str] | None = None,
    *,
    compare: bool = True,
    on_progress: Callable[[int], None] = lambda count: None,
    **reading: Any,
) -> EmbeddingResult:
    """Encode each image of a source, and compare the codes with PCA of as many numbers.

    Args:
        model: a .sablier file whose network encodes.
        source: images: anything that `stream_images` takes.
        output: a .npz, .csv or .parquet file for the codes; None writes nothing.
        compare: compare with PCA on an even sample; with labels, linear probes and nearest neighbours predict them from the
            codes.
        on_progress: called with the number of images encoded so far.
        **reading: options of `stream_images`.

    Returns:
        The codes, N,latent float32, and the comparison.

    Raises:
        ModelFileError: if the model has no encoder.
        ConfigError: if the output has another suffix.
        OutputError: if it cannot be written; this is checked before anything is read.
        ImagesError: if the source cannot be read, or the model does not take its images.
        TooFewImages: if there is no image.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> import sablier
        >>> with TemporaryDirectory() as folder:
        ...     recipe = sablier.make_recipe("autoencoder", "tiny", ["epochs=1", "latent=4", "width=8"])
        ...     _ = sablier.train("digits[label=3]", f"{folder}/threes.sablier", recipe)
        ...     result = sablier.embed(f"{folder}/threes.sablier", "digits:test[label=3]", compare=False)
        >>> result.latents.codes.shape
        (28, 4)
    """
    file = ModelFile.load(Path(model))
    network, note = encoding_network(file)
    if output is not None:
        check_latents_path(Path(output))
        check_writable(Path(output))
    embedder = Embedder(network, file.preprocess, compare)
    encode_stream(file, embedder, source, on_progress, **reading)
    result = replace(embedder.result(), network=note)
    if output is not None:
        result.latents.save(Path(output))
    return result


def encode_stream(
    file: ModelFile, embedder: Embedder, source: Any, on_progress: Callable[[int], None] = lambda count: None, **reading: Any
) -> None:
    """Encode each image of a source, chunk by chunk."""
    for images in stream_like(file, source, chunk=chunk_for(embedder.preprocess), **reading):
        embedder.add(images)
        on_progress(embedder.count)


def encoding_network(file: ModelFile) -> tuple[Model, str]:
    """Return the network of a model file that encodes images, and which one that is if there are several.

    Raises:
        ModelFileError: if there is none.
    """
    if file.task == DETECT:
        return drawing_network(file)
    network = file.parts[NET].to_model() if NET in file.parts else None
    if network is None or "encode" not in network.capabilities:
        raise ModelFileError(
            f"expected a model that encodes images, got {file.kind}, which has no latents. "
            "Train one with: sablier train IMAGES --recipe representation"
        )
    return network, ""
