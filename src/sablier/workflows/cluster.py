"""The workflow `cluster`: clusters the codes of images, and writes a table and a sheet of pictures."""

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
    """Cluster the images of a source by their codes.

    Args:
        model: a .sablier file whose network encodes.
        source: images: anything that `stream_images` takes.
        output: a folder for clusters.csv, clusters.json and sheet.png, the typical and the borderline images of each
            cluster.
        k: the number of clusters; None chooses one from 2 to 20 by the mean silhouette (Rousseeuw 1987).
        method: "mixture", "kmeans" or "hdbscan".
        manifold: a nonlinear embedding before clustering (N2D; McConville et al. 2021): "auto", "none", "spectral", "umap"
            or "tsne".
        runs: how often, with different seeds; the run that agrees most with the others is returned.
        seed: the seed of the first run.
        latents: a file of codes that `embed` wrote for these images; None encodes them now.
        on_progress: called with the number of images encoded so far.
        **reading: options of `stream_images`.

    Returns:
        The cluster of each image, and how stable the clusters are.

    Raises:
        ModelFileError: if the model has no encoder.
        ConfigError: if a value is out of range, or a manifold is not installed. UnknownName: if there is no such method.
        ImagesError: if the source cannot be read, or the codes are of other images. TooFewImages: if there are too few.
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
    """Return the images with these names, N,H,W,C in [0, 1], by reading the source a second time.

    Raises:
        ImagesError: if the source lacks one of them.
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
