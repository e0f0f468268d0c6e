"""reconstruct: images decoded from their codes, and the error."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.panels import EXPLORE, add_verb
from sablier.cli.progress import console, counting_progress, print_skipped, table


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    add_verb(app, reconstruct, "reconstruct letters.sablier new/ -o out/ --baseline letters/", panel=EXPLORE)


@options.taking(reading=options.reading)
def reconstruct(
    model: options.Model,
    source: options.Source,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FOLDER", help="Folder for errors.csv and .json, sheet.png and reconstructions."),
    ] = Path("reconstructed"),
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Compare with PCA of the same number of components, fitted on these images: those that trained the model.",
        ),
    ] = None,
    *,
    reading: dict[str, Any],
) -> None:
    """Encode images, reconstruct them from their codes, and measure the error."""
    from sablier.metrics import psnr
    from sablier.report.words import counted
    from sablier.workflows.reconstruct import reconstruct as run

    with counting_progress("reconstructing") as on_progress:
        summary = run(model, source, output, baseline=baseline, on_progress=on_progress, **reading)
    ours = [
        f"{summary.numbers:,} for {summary.values:,}",
        f"{summary.mean_mse:.5f}",
        f"{psnr(summary.mean_mse):.2f} dB",
        f"{summary.median_mse:.5f}",
        f"{summary.worst_mse:.5f}",
    ]
    columns = [ours]
    if summary.pca_mse is not None:
        columns.append([ours[0], f"{summary.pca_mse:.5f}", f"{psnr(summary.pca_mse):.2f} dB", "", ""])
    names = [
        "numbers in the code, for pixel values",
        "mean squared error",
        "PSNR of the mean error",
        "median error",
        "worst error",
    ]
    rows = [[name, *cells] for name, *cells in zip(names, *columns, strict=True)]
    table(f"{counted(summary.count)}, pixels from 0 to 1", ["measure", model.stem, "PCA"][: 1 + len(columns)], rows)
    console.print(f"Largest error: {summary.worst_id}.", markup=False)
    if summary.network:
        console.print(f"Reconstructed by {summary.network}.")
    print_skipped(summary.skipped, summary.skipped_count, "listed in errors.json")
    console.print(f"See {output / 'sheet.png'}", markup=False)
