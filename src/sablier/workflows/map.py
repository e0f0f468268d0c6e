"""map = load, read, encode, lay out, draw what empty places would hold, and write one page."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

import sablier
from sablier.errors import ConfigError, ImagesError, UnknownName
from sablier.files import write_text
from sablier.images.imageset import ImageSet, Skipped
from sablier.images.preprocess import Preprocess
from sablier.images.sources import read_images
from sablier.modelfile import ModelFile
from sablier.models.base import Model
from sablier.report.map_page import MOST_SIDE, Column, Grid, MapContent, grid_places, map_page, tile_side, tiles
from sablier.report.words import counted
from sablier.tasks.detection.detect import TASK as DETECT
from sablier.tasks.detection.detect import Detector
from sablier.tasks.latent.projection import METHODS, Projection, check_method, project
from sablier.tasks.latent.reconstruct import decode, encode, squared_errors
from sablier.training.loop import Progress
from sablier.typing import Array
from sablier.workflows.embed import chunk_size, encoding_network
from sablier.workflows.likeness import read_like
from sablier.workflows.map_colours import columns_of, ordered
from sablier.workflows.outputs import by_suffix, writes
from sablier.workflows.training.network import OnProgress
from sablier.workflows.training.train import check_writable

MOST_IMAGES = 20_000  # on one page, which then weighs about 20 megabytes; of more, as many are drawn evenly
MOST_NEW = 5000  # placed on a map of others
STAGES = ("encoding", "encoding new images")
NEIGHBOURS = 8
GRID_SIDE = 20  # places in a row at which the model draws
MAPPED, PLACED = "on the map", "new"
NAMES = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP", "autoencoder": "a two-dimensional autoencoder of the codes"}
READ_AS = {
    "pca": "The axes are the two directions in which the codes vary most; what differs along others lies one upon the other.",
    "tsne": "Images near each other have codes near each other; how far apart heaps lie, and how large they are, says nothing.",
    "umap": "Images near each other have codes near each other; how far apart heaps lie, and how large they are, says little.",
    "autoencoder": "It squeezes each code to two numbers and back, so that as little as possible is lost.",
    "code": "The code has two numbers, so the map is the code itself.",
}


@dataclass(frozen=True, eq=False)
class MapResult:
    """A map of N images, as it was written.

    Args:
        ids: N names.
        points: N,2, where they lie.
        projection: how they came there, and how well that keeps neighbours together; of those that were placed afterwards it
            says nothing.
        columns: what they can be coloured by: name -> N strings or numbers; the page opens with the first.
        left_out: how many images are not on the map because a page shows no more; those that are were drawn evenly.
        skipped: images that could not be read.
        redraws: whether the model decodes, so that the page shows reconstructions and empty places.
        network: which network encoded, where the model file holds several; otherwise "".
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
        """Return one row per image: its name, where it lies, and what colours it."""
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
    on_progress: OnProgress = lambda stage, progress: None,
    **reading: Any,
) -> MapResult:
    """Lay the images of a source out on a plane by what a model keeps of them, as one page to explore offline.

    Args:
        model: a .sablier file whose network encodes; where it decodes too, the page redraws images and empty places, and
            where it detects, images can be coloured by their score.
        source: whatever `read_images` takes; `reading` are its options. Of more than 20,000 images as many are drawn evenly.
        output: the .html file.
        method: "auto", "pca", "tsne", "umap" or "autoencoder": see `sablier.tasks.latent.projection`.
        colour: what the page colours images by when it opens: "label", "cluster", "score", "error" or a column of the source;
            None takes the first of them that there is.
        clusters: the clusters.csv that `cluster` wrote of these images.
        new: whatever `read_images` takes: images that are placed on the map of the others, which they do not move; at most
            5,000, drawn evenly.
        on_progress: called with the stage and how far it is.

    Raises:
        ModelFileError: for a model without an encoder.
        ConfigError, UnknownName: for an output that is no .html, a method that is not installed, a colour there is not.
        ImagesError: for a source that cannot be read, or clusters of other images; TooFewImages for less than two images.
        OutputError: where the page cannot be written; said before anything is computed where possible.
    """
    file, page = ModelFile.load(Path(model)), Path(output)
    network, note = encoding_network(file)
    _check_page(page)
    if method not in METHODS:
        raise UnknownName("method", method, METHODS)
    images = read_like(file, source, **reading)
    check_method(method, min(len(images), MOST_IMAGES), new is not None)
    sources = [images] if new is None else [images, read_images(new, **{**reading, "labels": None})]
    chosen = [_evenly(each, most) for each, most in zip(sources, (MOST_IMAGES, MOST_NEW), strict=False)]
    side = tile_side(sum(map(len, chosen)), file.preprocess.height, file.preprocess.width)
    parts = []
    for each, stage in zip(chosen, STAGES, strict=False):
        parts.append(_look(file, network, each, side, partial(on_progress, stage)))
    mapped = len(parts[0].images)
    check_method(method, mapped, new is not None)
    seen = parts[0] if new is None else _joined(*parts)
    columns = columns_of(seen.images, seen.scores, seen.errors, None if clusters is None else Path(clusters))
    if new is not None:
        columns.insert(0, Column("place", np.where(np.arange(len(seen.images)) < mapped, MAPPED, PLACED)))
    columns = ordered(columns, colour)
    projection = project(
        seen.codes[:mapped], method, placing=new is not None, seed=seed,
        on_progress=partial(on_progress, "laying out"),
    )  # fmt: skip
    points = projection.points if new is None else np.concatenate([projection.points, projection.place(seen.codes[mapped:])])
    result = MapResult(
        seen.images.ids,
        points,
        projection,
        {column.name: column.values for column in columns},
        sum(map(len, sources)) - sum(map(len, chosen)),
        seen.skipped,
        seen.again is not None,
        note,
    )
    neighbours, distances = _nearest(seen.codes)
    besides = f" and {counted(len(result) - mapped, 'new one')}" if new is not None else ""
    title = f"{counted(mapped)} of {images.source}{besides}, seen by {Path(model).stem}"
    content = MapContent(
        title=title,
        facts=_facts(result, side if side < max(file.preprocess.height, file.preprocess.width) else None),
        ids=result.ids,
        points=result.points,
        pictures=seen.pictures,
        reconstructions=seen.again,
        neighbours=neighbours,
        distances=distances,
        columns=columns,
        grid=_grid(network, file.preprocess, result) if seen.again is not None else None,
        made_by=f"sablier {sablier.__version__}",
    )
    write_text(page, map_page(content))
    return result


@dataclass(frozen=True, eq=False)
class _Seen:
    """What is kept of images that were gone through: their table, codes, small pictures, errors and scores."""

    images: ImageSet  # of the readable ones, with pixels of no size
    codes: Array
    pictures: Array
    again: Array | None
    errors: Array | None
    scores: Array | None
    skipped: tuple[Skipped, ...]


def _evenly(images: ImageSet, most: int) -> ImageSet:
    """Return all images, or `most` of them drawn evenly."""
    return images if len(images) <= most else images.take(np.linspace(0, len(images) - 1, most).astype(int))


def _look(file: ModelFile, network: Model, images: ImageSet, side: int, on_progress: Callable[[Progress], None]) -> _Seen:
    """Encode, redraw and score images, a part at a time: of the pixels only pictures of `side` pixels are kept."""
    rule, decodes = file.preprocess, "decode" in network.capabilities
    detector = Detector.from_file(file) if file.task == DETECT else None
    kept: dict[str, list[Array]] = {name: [] for name in ("codes", "pictures", "again", "errors", "scores")}
    tables: list[ImageSet] = []
    skipped = list(images.skipped)
    done = 0
    for part in images.chunks(chunk_size(rule)):
        dense = part.dense(rule)
        skipped += dense.skipped[len(part.skipped) :]
        unit = rule.to_unit(dense.array)
        kept["codes"].append(encode(network, rule, dense))
        kept["pictures"].append(tiles(unit, side))
        if decodes:
            again = decode(network, rule, kept["codes"][-1])
            kept["again"].append(tiles(again, side))
            kept["errors"].append(squared_errors(unit, again))
        if detector is not None and len(dense):
            kept["scores"].append(detector.detect(dense).scores)
        tables.append(_without_pixels(dense))
        done += len(part)
        on_progress(Progress(done, len(images)))
    if not sum(map(len, tables)):
        reasons = "; ".join(f"{item.id}: {item.reason}" for item in skipped[:3])
        raise ImagesError(f"expected readable images in {images.source}, got none. {reasons}")
    joined = {name: np.concatenate(parts) if parts else None for name, parts in kept.items()}
    codes, pictures = joined["codes"], joined["pictures"]
    assert codes is not None  # there is at least one part
    assert pictures is not None
    return _Seen(
        ImageSet.concatenate(tables), codes, pictures, joined["again"], joined["errors"], joined["scores"], tuple(skipped)
    )  # fmt: skip


def _joined(seen: _Seen, fresh: _Seen) -> _Seen:
    """Return both as one; images without labels beside others with them are labelled "none"."""
    parts = [seen.images, fresh.images]
    if any(part.labels is not None for part in parts):
        parts = [replace(part, labels=np.full(len(part), "none")) if part.labels is None else part for part in parts]

    def both(name: str) -> Any:
        arrays = [getattr(seen, name), getattr(fresh, name)]
        return None if arrays[0] is None else np.concatenate(arrays)

    arrays = {name: both(name) for name in ("codes", "pictures", "again", "errors", "scores")}
    return replace(seen, images=ImageSet.concatenate(parts), skipped=(*seen.skipped, *fresh.skipped), **arrays)


def _without_pixels(images: ImageSet) -> ImageSet:
    return ImageSet(
        np.zeros((len(images), 1, 1, 1), np.uint8),
        ids=images.ids,
        labels=images.labels,
        attributes=images.attributes,
        source=images.source,
    )


def _check_page(page: Path) -> None:
    """Raise where the page has another ending, or cannot be written."""
    if page.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"expected an output that ends in .html, got {page}. For example -o {page.with_suffix('.html')}")
    check_writable(page)


def _nearest(codes: Array) -> tuple[Array, Array]:
    """Return the nearest codes of each, N,k positions and distances, nearest first."""
    from sklearn.neighbors import NearestNeighbors

    count = min(NEIGHBOURS, len(codes) - 1)
    distances, places = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(codes).kneighbors()
    return places, distances


def _grid(network: Model, rule: Preprocess, result: MapResult) -> Grid:
    """Return what the model draws at evenly spaced places of the map."""
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
            f"{counted(result.left_out, 'more image')} had no room: these were drawn evenly, and neighbours are among them."
        )
    if result.skipped:
        facts.append(f"Not on the map, since they could not be read: {len(result.skipped):,}.")
    if not result.redraws:
        facts.append("This model encodes and does not decode: images are not redrawn.")
    if reduced_to is not None:
        facts.append(f"Pictures are reduced to {reduced_to} pixels on the longer side.")
    return facts
