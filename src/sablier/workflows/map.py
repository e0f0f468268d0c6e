"""The workflow `map_images`: a two-dimensional map of images as one page."""

from dataclasses import asdict, dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

import sablier
from sablier.errors import ConfigError, UnknownName
from sablier.files import write_text
from sablier.images.imageset import Skipped
from sablier.images.preprocess import Preprocess
from sablier.images.sources import read_images
from sablier.modelfile import ModelFile
from sablier.models.base import Model
from sablier.report.map_page import MOST_SIDE, Column, Grid, MapContent, grid_places, map_page, tiles
from sablier.report.words import counted
from sablier.tasks.latent.projection import METHODS, Projection, check_method, project
from sablier.tasks.latent.reconstruct import decode
from sablier.typing import Array
from sablier.workflows.embed import encoding_network
from sablier.workflows.likeness import read_like
from sablier.workflows.map_colours import columns_of, ordered
from sablier.workflows.map_look import MOST_IMAGES, Seen, look_at, scoring_detector
from sablier.workflows.outputs import by_suffix, writes
from sablier.workflows.training.forecast import OnProgress, unheard
from sablier.workflows.training.train import check_writable

NEIGHBOURS = 8
GRID_SIDE = 20  # positions in a row at which the model decodes
MAPPED, PLACED = "on the map", "new"
NAMES = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP", "autoencoder": "a two-dimensional autoencoder of the codes"}
READ_AS = {
    "pca": "The axes are the two directions in which the codes vary most; what differs along others lies one upon the other.",
    "tsne": "Images near each other have codes near each other; distances between clusters, and their sizes, mean nothing.",
    "umap": "Images near each other have codes near each other; distances between clusters, and their sizes, mean little.",
    "autoencoder": "It compresses each code to two numbers and reconstructs it with the smallest error.",
    "code": "The code has two numbers, so the map is the code itself.",
}


@dataclass(frozen=True, eq=False)
class MapResult:
    """A map of N images.

    Args:
        ids: N names.
        points: N,2 positions.
        projection: how they were computed, and how well neighbours are kept; not of images that were placed afterwards.
        columns: what images can be coloured by: name -> N strings or numbers, the first of the page first.
        left_out: how many images are not on the map, which shows an even sample of the source.
        skipped: images that could not be read.
        redraws: whether the model decodes, so that the page shows reconstructions and empty positions.
        network: which network encoded, if the model file holds several; otherwise "".
    """

    ids: Array
    points: Array
    projection: Projection
    columns: dict[str, Array]
    left_out: int
    skipped: tuple[Skipped, ...]
    redraws: bool
    network: str = ""

    def __len__(self) -> int:
        return len(self.ids)

    def to_table(self) -> list[dict[str, Any]]:
        """Return one row per image: its name, its position, and its columns."""
        columns = {name: column.tolist() for name, column in self.columns.items()}
        return [
            {"id": str(name), "x": x, "y": y, **{key: values[row] for key, values in columns.items()}}
            for row, (name, (x, y)) in enumerate(zip(self.ids, self.points.tolist(), strict=True))
        ]

    def to_json(self) -> dict[str, Any]:
        """Return everything."""
        projection = self.projection.to_json()
        del projection["points"], projection["images"]
        return {
            "images": len(self),
            **projection,
            "left_out": self.left_out,
            "skipped": [asdict(item) for item in self.skipped],
            "redraws": self.redraws,
            "network": self.network,
            "map": self.to_table(),
        }


@writes("map", "source", "new", file=by_suffix)
def map_images(
    model: str | PathLike[str],
    source: Any,
    output: str | PathLike[str],
    method: str = "auto",
    *,
    colour: str | None = None,
    clusters: str | PathLike[str] | None = None,
    new: Any = None,
    seed: int = 0,
    backbone: str | PathLike[str] | None = None,
    on_progress: OnProgress = unheard,
    **reading: Any,
) -> MapResult:
    """Map the images of a source to two dimensions by their codes, as one page to explore offline.

    Args:
        model: a .sablier file whose network encodes. If it decodes, the page shows reconstructions; if it detects, scores.
        source: anything that `read_images` takes; `reading` are its options. Of more than 20,000 images, an even sample is
            shown.
        output: the .html file.
        method: "auto", "pca", "tsne" (van der Maaten and Hinton 2008), "umap" (McInnes et al. 2018) or "autoencoder".
        colour: the column that colours the images at first: "label", "cluster", "score", "error" or an attribute of the
            source.
        clusters: the clusters.csv that `cluster` wrote for these images.
        new: images that are placed on the finished map; of more than 5,000, an even sample.
        seed: the seed of the projection.
        backbone: the file of the user's feature network that a detector was trained with, if any; it is run.
        on_progress: called with the stage and its progress.

    Returns:
        The positions, and how they were computed.

    Raises:
        ModelFileError, BackboneError, ConfigError, UnknownName, ImagesError: before the page is written.
        OutputError: if the page cannot be written.
    """
    file, page = ModelFile.load(Path(model)), Path(output)
    network, note = encoding_network(file)
    _check_page(page)
    if method not in METHODS:
        raise UnknownName("method", method, METHODS)
    images = read_like(file, source, **reading)
    check_method(method, min(len(images), MOST_IMAGES), new is not None)
    sources = [images] if new is None else [images, read_images(new, **{**reading, "labels": None})]
    seen = look_at(file.preprocess, network, scoring_detector(file, backbone), sources, on_progress)
    mapped = seen.mapped
    check_method(method, mapped, new is not None)
    columns = ordered(_columns(seen, None if clusters is None else Path(clusters), new is not None), colour)
    projection = project(
        seen.codes[:mapped], method, placing=new is not None, seed=seed, on_progress=partial(on_progress, "laying out")
    )
    points = projection.points if new is None else np.concatenate([projection.points, projection.place(seen.codes[mapped:])])
    values = {column.name: column.values for column in columns}
    redraws = seen.again is not None
    result = MapResult(seen.images.ids, points, projection, values, seen.left_out, seen.skipped, redraws, note)
    besides = f" and {counted(len(result) - mapped, 'new one')}" if new is not None else ""
    title = f"{counted(mapped)} of {images.source}{besides}, seen by {Path(model).stem}"
    write_text(page, map_page(_content(title, file, network, seen, result, columns)))
    return result


def _columns(seen: Seen, clusters: Path | None, placing: bool) -> list[Column]:
    """Return what images can be coloured by; if some were placed on a finished map, first which."""
    columns = columns_of(seen.images, seen.scores, seen.errors, clusters)
    if placing:
        columns.insert(0, Column("place", np.where(np.arange(len(seen.images)) < seen.mapped, MAPPED, PLACED)))
    return columns


def _content(title: str, file: ModelFile, network: Model, seen: Seen, result: MapResult, columns: list[Column]) -> MapContent:
    """Return the contents of the page."""
    neighbours, distances = _nearest(seen.codes)
    reduced = seen.side < max(file.preprocess.height, file.preprocess.width)
    return MapContent(
        title=title,
        facts=_facts(result, seen.side if reduced else None),
        ids=result.ids,
        points=result.points,
        pictures=seen.pictures,
        reconstructions=seen.again,
        neighbours=neighbours,
        distances=distances,
        columns=columns,
        grid=_grid(network, file.preprocess, result) if result.redraws else None,
        made_by=f"sablier {sablier.__version__}",
    )


def _check_page(page: Path) -> None:
    """Raise an error if the page has another suffix or cannot be written."""
    if page.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"expected an output that ends in .html, got {page}. For example -o {page.with_suffix('.html')}")
    check_writable(page)


def _nearest(codes: Array) -> tuple[Array, Array]:
    """Return the nearest codes of each code: N,k positions and distances, nearest first."""
    from sklearn.neighbors import NearestNeighbors

    count = min(NEIGHBOURS, len(codes) - 1)
    distances, places = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(codes).kneighbors()
    return places, distances


def _grid(network: Model, rule: Preprocess, result: MapResult) -> Grid:
    """Return what the model decodes at a grid of positions of the map."""
    from sklearn.neighbors import NearestNeighbors

    places, projection = grid_places(result.points, GRID_SIDE), result.projection
    drawn = decode(network, rule, projection.codes_at(places))
    nearest = NearestNeighbors(n_neighbors=1).fit(result.points).kneighbors(places)[0][:, 0]
    cell = float(np.ptp(places[:, 0])) / (GRID_SIDE - 1)
    how = (
        "Each place is decoded from the code that the map itself gives it."
        if projection.ways.codes_at is not None
        else "Each place is decoded from the mean code of the eight nearest images, near ones counting more."
    )
    return Grid(GRID_SIDE, tiles(drawn, MOST_SIDE), nearest > cell, how)


def _facts(result: MapResult, reduced_to: int | None) -> list[str]:
    """Return what a reader of the page must know."""
    projection = result.projection
    numbers = projection.codes.shape[1]
    facts = [f"Each image lies where its code of {numbers} numbers puts it."]
    if result.network:
        facts[0] += f" The codes are those of {result.network}."
    name, made_by = NAMES.get(projection.method), f" ({projection.made_by})" if projection.made_by else ""
    facts.append((f"Laid out by {name}{made_by}. " if name else "") + READ_AS[projection.method])
    if projection.trustworthiness is not None:
        measured = "" if projection.trusted_on == len(projection) else f", measured on {projection.trusted_on:,} of them"
        facts.append(
            f"Trustworthiness {projection.trustworthiness:.3f} of 1{measured}: how far neighbours on the map are so by code, too."
        )
    if projection.advice:
        facts.append(projection.advice)
    placed = len(result) - len(projection)
    if placed:
        facts.append(f"{counted(placed, 'new image')} placed on the map of {len(projection):,} others, which this does not move.")
    if result.left_out:
        facts.append(
            f"{counted(result.left_out, 'more image')} were left out: an even sample is shown, with the neighbours in it."
        )
    if result.skipped:
        facts.append(f"Not on the map, since they could not be read: {len(result.skipped):,}.")
    if not result.redraws:
        facts.append("This model has no decoder: images are not reconstructed.")
    if reduced_to is not None:
        facts.append(f"Pictures are reduced to {reduced_to} pixels on the longer side.")
    return facts
