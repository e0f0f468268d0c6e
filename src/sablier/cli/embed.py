"""embed, cluster: the codes of images, and groups of similar ones."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.panels import EXPLORE, add_verb
from sablier.cli.progress import console, counting_progress, print_skipped, table

if TYPE_CHECKING:
    from sablier.tasks.latent.cluster import ClusterResult
    from sablier.tasks.latent.embed import Comparison

AUTO = "auto"


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    add_verb(
        app,
        embed,
        "train images/ -o codes.sablier --recipe representation",
        "embed codes.sablier images/ -o z.npz",
        panel=EXPLORE,
    )
    add_verb(
        app,
        cluster,
        "cluster codes.sablier images/ -k 10 -o clusters/",
        "cluster codes.sablier images/ --method hdbscan --manifold umap",
        panel=EXPLORE,
    )


@options.taking(reading=options.reading)
def embed(
    model: options.Model,
    source: options.Source,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="File for the codes: .npz, .csv, or .parquet (needs pyarrow)."),
    ] = Path("latents.npz"),
    compare: Annotated[
        bool, typer.Option(help="Compare with PCA of the same number of components, on an even sample of the images.")
    ] = True,
    *,
    reading: dict[str, Any],
) -> None:
    """Write the code (latent vector) of each image."""
    from sablier.report.words import counted
    from sablier.workflows.embed import embed as run

    with counting_progress("encoding") as on_progress:
        result = run(model, source, output, compare=compare, on_progress=on_progress, **reading)
    console.print(f"{counted(len(result))}, each encoded as {result.latents.numbers} numbers.")
    if result.comparison is not None:
        _print_comparison(result.comparison, model.stem)
    elif compare:
        console.print("Too few images to compare with PCA.")
    if result.network:
        console.print(f"Encoded by {result.network}.")
    print_skipped(result.skipped, result.skipped_count, "not listed")
    console.print(f"See {output}", markup=False)


def _print_comparison(comparison: "Comparison", name: str) -> None:
    """Print how well the codes keep images and labels, compared with PCA."""
    rows: list[list[str]] = []
    for title, key, form in (
        ("reconstruction MSE", "mse", "{:.5f}"),
        ("explained variance", "explained", "{:.1%}"),
        ("linear probe accuracy", "linear_probe", "{:.2%}"),
        ("k-NN accuracy, k = 5", "knn5", "{:.2%}"),
    ):
        values = [row[key] for row in comparison.to_table()]
        if any(value is not None for value in values):
            rows.append([title, *("" if value is None else form.format(value) for value in values)])
    columns = [name if row.method == "model" else row.method for row in comparison.rows]
    console.print(f"Compared with PCA of {comparison.numbers} components, fitted on {comparison.trained_on:,} images.")
    console.print(f"Measured on {comparison.scored_on:,} others:")
    table("", ["measure", *columns], rows)


@options.taking(reading=options.reading)
def cluster(
    model: options.Model,
    source: options.Source,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for clusters.csv, clusters.json and sheet.png.")
    ] = Path("clusters"),
    k: Annotated[
        str,
        typer.Option(
            "-k", metavar="N", help="Number of clusters; auto takes the number from 2 to 20 with the largest mean silhouette."
        ),
    ] = AUTO,
    method: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="mixture (of Gaussians), kmeans, or hdbscan, which chooses the number of clusters and leaves outliers out.",
        ),
    ] = "mixture",
    manifold: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Space to cluster in: none (the codes themselves), spectral, umap or tsne (both need the extra map). "
            "auto is umap, or spectral if umap is not installed.",
        ),
    ] = "auto",
    runs: Annotated[
        int, typer.Option(metavar="N", help="Number of runs with different seeds; their agreement measures stability.")
    ] = 3,
    seed: Annotated[int, typer.Option(metavar="N", callback=options.within(0), help="The first seed.")] = 0,
    latents: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Codes that `sablier embed` wrote for these images, to avoid encoding them again."),
    ] = None,
    *,
    reading: dict[str, Any],
) -> None:
    """Group images into clusters without labels; show typical and borderline members of each."""
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
    """Print a row for each cluster, and how stable the clusters are."""
    from sablier.report.words import counted

    columns = ["cluster", "images", *([] if result.labels is None else ["most common label"])]
    rows = []
    for number, size in enumerate(result.sizes):
        shares = list(result.label_shares(number).items())[:1]
        rows.append([str(number), f"{size:,}", *(f"{label} ({share:.0%})" for label, share in shares)])
    where = "codes" if result.manifold == "none" else f"{result.manifold} manifold of the codes"
    console.print(f"{counted(len(result))} in {counted(result.count, 'cluster')} by {result.method} on the {where}")
    table("", columns, rows)
    nowhere = int((result.clusters < 0).sum())
    if nowhere:
        console.print(f"{counted(nowhere)} {'is' if nowhere == 1 else 'are'} in no cluster.")
    if result.silhouettes:
        console.print(
            f"{result.count} has the largest mean silhouette of {min(result.silhouettes)} to {max(result.silhouettes)} clusters."
        )
    if result.stability is not None:
        console.print(
            f"{len(result.seeds)} runs agree with an adjusted Rand index of {result.stability:.3f} (1: identical, 0: chance)."
        )
    if result.accuracy is not None:
        console.print(f"Against the labels: accuracy {result.accuracy:.2%}, NMI {result.nmi:.3f}, ARI {result.ari:.3f}.")
