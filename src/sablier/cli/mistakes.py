"""mistakes: where a classifier and the labels disagree, and which labels look wrong."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.progress import console, print_skipped, table
from sablier.cli.time_left import training_progress

if TYPE_CHECKING:
    from sablier.tasks.classification.mistakes import MistakesResult

MOST_ROWS, MOST_PAIRS = 20, 5


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog="Example: sablier mistakes c.sablier labelled/ -o mistakes/ --folds 5")(mistakes)


@options.taking(reading=options.reading)
def mistakes(
    model: options.Model,
    source: options.Source,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="A folder for mistakes.csv, .json, .png and .html, and confusion.png."),
    ] = Path("mistakes"),
    folds: Annotated[
        int | None,
        typer.Option(
            help="Judge by cross-validation: as many networks, each trained without the images it judges. 0: the model "
            r"itself judges. \[default: 5 for images that it has learnt from, else 0]",
            show_default=False,
        ),
    ] = None,
    *,
    reading: dict[str, Any],
) -> None:
    """Find the images that contradict their labels most, labels that look wrong, and classes that are confused.

    Stopped with Ctrl-C, the same command goes on where it was.
    """
    from sablier.report.mistakes import headline
    from sablier.report.words import counted
    from sablier.workflows.mistakes import mistakes as run

    with training_progress() as on_progress:
        result = run(model, source, output, folds=folds, on_progress=on_progress, **reading)
    _print_rows(result, output)
    console.print(result.reason, markup=False)
    wrong = int(result.wrong.sum())
    console.print(
        f"[bold]{headline(result)}[/bold]; {result.estimated_errors:,.0f} wrong ones are estimated. "
        f"{counted(wrong)} told otherwise than labelled: {result.accuracy:.2%} as labelled."
    )
    pairs = [f"{each['label']} seen as {each['predicted']} {each['images']:,}" for each in result.pairs()[:MOST_PAIRS]]
    if pairs:
        console.print(f"Confused most: {', '.join(pairs)}.", markup=False)
    console.print(f"Calibration error (ECE) {result.calibration_error:.2%}.")
    print_skipped(result.skipped, len(result.skipped), "listed in mistakes.json")
    console.print(f"See {output / 'mistakes.html'}: pictures, where it looked, and confusions.", markup=False)


def _print_rows(result: "MistakesResult", output: Path) -> None:
    """Print the first images by rank: those told otherwise than labelled."""
    found = [row for row in result.to_table() if row["label"] != row["predicted"]]
    cells = [
        [
            row["id"],
            row["label"],
            row["predicted"],
            f"{row['probability']:.1%}",
            f"{row['label_probability']:.1%}",
            "wrong?" if row["suspected"] else "",
        ]
        for row in found[:MOST_ROWS]
    ]
    if cells:
        table("", ["image", "labelled", "seen", "sure", "of the label", "label"], cells)
    if len(found) > MOST_ROWS:
        console.print(f"... and {len(found) - MOST_ROWS:,} more, listed in {output / 'mistakes.csv'}", markup=False)
