"""cluster = load, read, encode, part, write a table, what was found, and a sheet of pictures."""

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sablier.errors import ImagesError
from sablier.files import write_whole
from sablier.images.chunks import chunk_for
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.images.sources import stream_images
from sablier.modelfile import ModelFile
from sablier.report.clusters import SHOWN, cluster_sheet, members_shown
from sablier.tasks.latent.cluster import ClusterResult, check_wishes, cluster_latents
from sablier.tasks.latent.embed import Embedder
from sablier.tasks.latent.latents import Latents, fingerprint
from sablier.typing import Array
from sablier.workflows.embed import encode_stream, encoding_network
from sablier.workflows.outputs import writes
from sablier.workflows.tables import write_tables


@writes("cluster", "source")
def cluster(
    model: str | PathLike[str],
    source: Any,
    output: str | PathLike[str],
    k: int | None = None,
    *,
    method: str = "mixture",
    manifold: str = "auto",
    runs: int = 3,
    seed: int = 0,
    latents: str | PathLike[str] | None = None,
    on_progress: Callable[[int], None] = lambda count: None,
    **reading: Any,
) -> ClusterResult:
    """Part the images of a source into clusters of what their codes say, and show who is typical and who is not.

    Args:
        model: a .sablier file whose network encodes.
        source: whatever `stream_images` takes; `reading` are its options.
        output: a folder for clusters.csv, clusters.json and sheet.png.
        k: how many clusters; None finds a number (`cluster_latents` says how).
        method, manifold, runs, seed: as for `cluster_latents`.
        latents: a file of codes that `embed` wrote for these images; None encodes them now.
        on_progress: called with the number of images encoded so far.

    Raises:
        ModelFileError: for a model without an encoder.
        ConfigError, UnknownName: for a wish that cannot be met; said before anything is read.
        ImagesError: for a source that cannot be read, or latents of another model or of other images.
        TooFewImages: for fewer images than clusters.
    """
    file, folder = ModelFile.load(Path(model)), Path(output)
    network, _ = encoding_network(file)
    check_wishes(k, method, manifold, runs)
    if latents is None:
        embedder = Embedder(network, file.preprocess, compare=False)
        encode_stream(file, embedder, source, on_progress, **reading)
        codes = embedder.result().latents
    else:
        codes = Latents.load(Path(latents), fingerprint(network, file.preprocess))
    result = cluster_latents(codes, k, method=method, manifold=manifold, runs=runs, seed=seed)
    shown = members_shown(result, SHOWN)
    wanted = np.unique(np.concatenate([places for pair in shown.values() for places in pair]).astype(int))
    pictures = _pictures_of(result.ids[wanted], source, file.preprocess, reading)
    sheet = cluster_sheet(result, shown, dict(zip(wanted.tolist(), pictures, strict=True)))
    write_whole(folder / "sheet.png", sheet)
    write_tables(folder, "clusters", result)
    return result


def _pictures_of(ids: Array, source: Any, preprocess: Preprocess, reading: dict[str, Any]) -> Array:
    """Return the images of these names, N,H,W,C in [0, 1], in a second pass through the source.

    Raises:
        ImagesError: where the source lacks one of them.
    """
    found: list[ImageSet] = []
    for images in stream_images(source, chunk=chunk_for(preprocess), **reading):
        some = np.isin(images.ids, ids)
        if some.any():
            found.append(images.take(some).dense(preprocess))
    places = {str(name): place for place, name in enumerate(name for images in found for name in images.ids)}
    lacking = [str(name) for name in ids if str(name) not in places]
    if lacking:
        raise ImagesError(f"{lacking[0]} is among the latents, but not in {source}. Name the images the latents were made of.")
    pixels = np.concatenate([images.array for images in found])[[places[str(name)] for name in ids]]
    return preprocess.to_unit(pixels)
