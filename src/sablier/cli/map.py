"""map: a two-dimensional projection of the codes of images, as one page to explore."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.panels import EXPLORE, add_verb
from sablier.cli.progress import console, print_skipped
from sablier.cli.time_left import training_progress

METHOD_HELP = (
    "Projection: auto, pca, tsne, umap or autoencoder (two-dimensional, of the codes). auto is t-SNE if it is available for so "
    "many images, else PCA. umap, and t-SNE of many images, need: pip install 'sablier\\[map]'."
)
COLOUR_HELP = "Initial colour of the points: label, cluster, score (of a detector), error, or a column of the source."


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    add_verb(app, map_verb, "map letters.sablier letters/ -o map.html --method tsne --colour label", panel=EXPLORE, name="map")


@options.taking(reading=options.reading)
def map_verb(
    model: options.Model,
    source: options.Source,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The .html file to write.")] = Path("map.html"),
    method: Annotated[str, typer.Option(metavar="NAME", help=METHOD_HELP)] = "auto",
    colour: Annotated[
        str | None, typer.Option("--colour", "--color", metavar="NAME", help=COLOUR_HELP, show_default="the first available")
    ] = None,
    clusters: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The clusters.csv that `sablier cluster` wrote for these images, as a colour."),
    ] = None,
    new: Annotated[
        str | None,
        typer.Option(metavar="SOURCE", help="Images to place on the finished map, without moving the others."),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(metavar="N", callback=options.within(0), help="The same seed on the same machine gives the same map."),
    ] = 0,
    backbone: options.Backbone = None,
    *,
    reading: dict[str, Any],
) -> None:
    """Project images to a two-dimensional map: an HTML page with zoom, reconstructions, neighbours and lasso selection."""
    from sablier.workflows.map import NAMES, map_images

    with training_progress() as on_progress:
        result = map_images(
            model, source, output, method, colour=colour, clusters=clusters, new=new, seed=seed,
            backbone=backbone, on_progress=on_progress, **reading,
        )  # fmt: skip
    projection = result.projection
    how = NAMES.get(projection.method, "their codes, which have two numbers")
    console.print(f"{len(result):,} images on a map by {how}.", markup=False)
    if len(result) > len(projection):
        console.print(f"{len(result) - len(projection):,} of them are new; they were placed on the map of the others.")
    if result.left_out:
        console.print(f"They are an even sample; {result.left_out:,} others did not fit on one page.")
    if projection.trustworthiness is not None:
        console.print(
            f"Trustworthiness {projection.trustworthiness:.3f} of 1: how many neighbours on the map have similar codes."
        )
    if projection.advice:
        console.print(projection.advice, markup=False)
    if result.network:
        console.print(f"Encoded by {result.network}.")
    print_skipped(result.skipped, len(result.skipped), "counted on the page")
    console.print(f"Open {output} in a browser.", markup=False)
