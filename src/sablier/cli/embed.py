"""embed, cluster: what the codes of images say."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.progress import console, counting_progress, print_skipped, table

if TYPE_CHECKING:
    from sablier.tasks.latent.cluster import ClusterResult
    from sablier.tasks.latent.embed import Comparison

AUTO = "auto"


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(
        epilog="Example: sablier train images/ -o codes.sablier --recipe representation\n\n"
        "Example: sablier embed codes.sablier images/ -o z.npz"
    )(embed)
    app.command(
        epilog="Example: sablier cluster codes.sablier images/ -k 10 -o clusters/\n\n"
        "Example: sablier cluster codes.sablier images/ --method hdbscan --manifold umap"
    )(cluster)


@options.taking(reading=options.reading)
def embed(
    model: options.Model,
    source: options.Source,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A file for the codes: .npz, .csv, or .parquet where pyarrow is installed.")
    ] = Path("latents.npz"),
    compare: Annotated[bool, typer.Option(help="Compare with PCA of as many numbers, on an even sample of the images.")] = True,
    *,
    reading: dict[str, Any],
) -> None:
    """Write the code of each image: the few numbers a model keeps of it."""
    from sablier.report.words import counted
    from sablier.workflows.embed import embed as run

    with counting_progress("encoding") as on_progress:
        result = run(model, source, output, compare=compare, on_progress=on_progress, **reading)
    console.print(f"{counted(len(result))}, {result.latents.numbers} numbers each.")
    if result.comparison is not None:
        _print_comparison(result.comparison, model.stem)
    elif compare:
        console.print("Too few images to compare with PCA.")
    if result.network:
        console.print(f"Encoded by {result.network}.")
    print_skipped(result.skipped, result.skipped_count, "not listed")
    console.print(f"See {output}", markup=False)


def _print_comparison(comparison: "Comparison", name: str) -> None:
    """Print what the codes are worth beside PCA's."""
    rows: list[list[str]] = []
    for title, key, form in (
        ("mean squared error, drawn again", "mse", "{:.5f}"),
        ("variance of the pixels explained", "explained", "{:.1%}"),
        ("labels found by a linear probe", "linear_probe", "{:.2%}"),
        ("labels found by the 5 nearest", "knn5", "{:.2%}"),
    ):
        values = [row[key] for row in comparison.to_table()]
        if any(value is not None for value in values):
            rows.append([title, *("" if value is None else form.format(value) for value in values)])
    columns = [name if row.method == "model" else row.method for row in comparison.rows]
    console.print(f"Beside PCA of {comparison.numbers} numbers, fitted on {comparison.trained_on:,} images.")
    console.print(f"Measured on {comparison.scored_on:,} others:")
    table("", ["", *columns], rows)


@options.taking(reading=options.reading)
def cluster(
    model: options.Model,
    source: options.Source,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A folder for clusters.csv, clusters.json and sheet.png.")
    ] = Path("clusters"),
    k: Annotated[
        str, typer.Option("-k", help="How many clusters; auto takes the number from 2 to 20 whose mean silhouette is largest.")
    ] = AUTO,
    method: Annotated[
        str, typer.Option(help="mixture (of Gaussians), kmeans, or hdbscan, which finds how many and leaves some images out.")
    ] = "mixture",
    manifold: Annotated[
        str,
        typer.Option(
            help="Where: none (the codes themselves), spectral, umap or tsne (both from the map extra); auto is umap, or "
            "spectral where that is not installed."
        ),
    ] = "auto",
    runs: Annotated[int, typer.Option(help="How often, with other seeds; they also tell how stable the clusters are.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="The first of the seeds.")] = 0,
    latents: Annotated[
        Path | None, typer.Option(help="Codes that `sablier embed` wrote for these images, so that they are not encoded again.")
    ] = None,
    *,
    reading: dict[str, Any],
) -> None:
    """Part images into clusters, without labels; show typical members, and those that could as well belong elsewhere."""
    from sablier.workflows.cluster import cluster as run

    with counting_progress("encoding") as on_progress:
        result = run(
            model, source, output, _number(k), method=method, manifold=manifold, runs=runs, seed=seed, latents=latents,
            on_progress=on_progress, **reading,
        )  # fmt: skip
    _print_clusters(result)
    console.print(f"See {output / 'sheet.png'}", markup=False)


def _number(k: str) -> int | None:
    """Return the number of clusters asked for; None for auto."""
    if k.lower() == AUTO:
        return None
    try:
        return int(k)
    except ValueError:
        raise typer.BadParameter(f"expected a number of clusters or auto, got {k!r}.", param_hint="-k") from None


def _print_clusters(result: "ClusterResult") -> None:
    """Print a row for each cluster, and how far they can be trusted."""
    from sablier.report.words import counted

    columns = ["cluster", "images", *([] if result.labels is None else ["mostly"])]
    rows = []
    for number, size in enumerate(result.sizes):
        shares = list(result.label_shares(number).items())[:1]
        rows.append([str(number), f"{size:,}", *(f"{label} ({share:.0%})" for label, share in shares)])
    where = "codes" if result.manifold == "none" else f"{result.manifold} manifold of the codes"
    console.print(f"{counted(len(result))}, {counted(result.count, 'cluster')} by {result.method} on the {where}")
    table("", columns, rows)
    nowhere = int((result.clusters < 0).sum())
    if nowhere:
        console.print(f"{counted(nowhere)} belong nowhere.")
    if result.silhouettes:
        console.print(
            f"{result.count} has the largest mean silhouette of {min(result.silhouettes)} to {max(result.silhouettes)}."
        )
    if result.stability is not None:
        console.print(
            f"{len(result.seeds)} runs agree by an adjusted Rand index of {result.stability:.3f} (1: all alike, 0: chance)."
        )
    if result.accuracy is not None:
        console.print(f"Against the labels: accuracy {result.accuracy:.2%}, NMI {result.nmi:.3f}, ARI {result.ari:.3f}.")
