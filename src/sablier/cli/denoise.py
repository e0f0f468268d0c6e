"""denoise: images without their noise, and the noise level of each."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.panels import DENOISE, add_verb
from sablier.cli.progress import console, counting_progress, print_skipped, table


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    add_verb(app, denoise, "denoise clean.sablier noisy/ -o cleaned/", panel=DENOISE)


@options.taking(reading=options.reading)
def denoise(
    model: options.Model,
    source: options.Source,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Folder for the denoised images, levels.csv, denoised.json and sheet.png."
        ),
    ] = Path("denoised"),
    *,
    reading: dict[str, Any],
) -> None:
    """Remove the noise of images of any size, and estimate the noise level of each.

    Each denoised image keeps its name, as a PNG of 8 or 16 bits. Floats and 16-bit colour become .npy, which keeps all digits.

    Transparent pixels are blended with white first.

    Noise levels are standard deviations (black is 0, white is 1), or shares of pixels.
    """
    from sablier.report.plot import level_in_own_numbers
    from sablier.workflows.denoise import denoise as run

    with counting_progress("denoising") as on_progress:
        summary = run(model, source, output, on_progress=on_progress, **reading)
    rows = []
    for row in summary.rows:
        note = "outside the trained range" if row["in_trained_range"] is False else ""
        rows.append([row["id"], f"{row['height']} x {row['width']}", f"{row['level']:.3g}", level_in_own_numbers(row), note])
    table("", ["image", "size", "noise level", "in pixel values", "note"], rows)
    if summary.count > len(rows):
        console.print(f"... and {summary.count - len(rows):,} more, listed in {output / 'levels.csv'}", markup=False)
    console.print(f"[bold]{summary.count:,}[/bold] images denoised.")
    print_skipped(summary.skipped, summary.skipped_count, "listed in denoised.json")
    console.print(f"See {output / 'sheet.png'}: noisy images, denoised images and the removed noise.", markup=False)
