"""reconstruct: what a trained network makes of images."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.progress import console, counting_progress, print_skipped, table


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog="Example: sablier reconstruct letters.sablier new/ -o out/ --baseline letters/")(reconstruct)


@options.taking(reading=options.reading)
def reconstruct(
    model: options.Model,
    source: options.Source,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A folder for errors.csv and .json, sheet.png and reconstructions.")
    ] = Path("reconstructed"),
    baseline: Annotated[
        str | None,
        typer.Option(help="Compare with PCA of as many numbers, fitted on these images: those the model was trained on."),
    ] = None,
    *,
    reading: dict[str, Any],
) -> None:
    """Draw images again from the few numbers a model keeps of each, and measure what is lost."""
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
    names = ["numbers for pixel values", "mean squared error", "PSNR of the mean error", "median error", "worst error"]
    rows = [[name, *cells] for name, *cells in zip(names, *columns, strict=True)]
    table(f"{counted(summary.count)}, pixels from 0 to 1", ["", model.stem, "PCA"][: 1 + len(columns)], rows)
    console.print(f"The worst is {summary.worst_id}.", markup=False)
    if summary.network:
        console.print(f"Drawn by {summary.network}.")
    print_skipped(summary.skipped, summary.skipped_count, "listed in errors.json")
    console.print(f"See {output / 'sheet.png'}", markup=False)
