"""map: images on a plane by what a model keeps of them, as one page to explore."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.progress import console, print_skipped
from sablier.cli.time_left import training_progress

METHOD_HELP = (
    "auto, pca, tsne, umap or autoencoder (two-dimensional, of the codes). auto is t-SNE where it can be had at this size, else "
    "PCA. umap, and t-SNE of many images, need: pip install 'sablier\\[map]'."
)
COLOUR_HELP = (
    "What images are coloured by when the page opens: label, cluster, score (of a detector), error, or a column of the source."
)


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("map", epilog="Example: sablier map letters.sablier letters/ -o map.html --method tsne --colour label")(map_verb)


@options.taking(reading=options.reading)
def map_verb(
    model: options.Model,
    source: options.Source,
    output: Annotated[Path, typer.Option("--output", "-o", help="The .html file to write.")] = Path("map.html"),
    method: Annotated[str, typer.Option(help=METHOD_HELP)] = "auto",
    colour: Annotated[
        str | None, typer.Option("--colour", "--color", help=COLOUR_HELP, show_default="the first there is")
    ] = None,
    clusters: Annotated[
        Path | None, typer.Option(help="The clusters.csv that `sablier cluster` wrote of these images, to colour by.")
    ] = None,
    new: Annotated[
        str | None, typer.Option(help="Images to place on the map of the others, which they do not move: any source.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same machine: the same map.", min=0)] = 0,
    backbone: options.Backbone = None,
    *,
    reading: dict[str, Any],
) -> None:
    """Lay images out on a map: zoom, point, click for the reconstruction and the neighbours, draw a lasso to save names."""
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
        console.print(f"{len(result) - len(projection):,} of them are new, placed on the map of the others.")
    if result.left_out:
        console.print(f"They were drawn evenly; {result.left_out:,} others had no room on one page.")
    if projection.trustworthiness is not None:
        console.print(
            f"Trustworthiness {projection.trustworthiness:.3f} of 1: how far neighbours on the map are neighbours by code."
        )
    if projection.advice:
        console.print(projection.advice, markup=False)
    if result.network:
        console.print(f"Encoded by {result.network}.")
    print_skipped(result.skipped, len(result.skipped), "counted on the page")
    console.print(f"Open {output} in a browser.", markup=False)
