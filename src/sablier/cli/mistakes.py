"""mistakes: images that a classifier and the labels disagree on, and suspected label errors."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.panels import CLASSIFY, add_verb
from sablier.cli.progress import console, print_skipped, table
from sablier.cli.time_left import training_progress

if TYPE_CHECKING:
    from sablier.tasks.classification.mistakes import MistakesResult

MOST_ROWS, MOST_PAIRS = 20, 5


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    add_verb(app, mistakes, "mistakes c.sablier labelled/ -o mistakes/ --folds 5", panel=CLASSIFY)


@options.taking(reading=options.reading)
def mistakes(
    model: options.Model,
    source: options.Source,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Folder for mistakes.csv, .json, .png and .html, and confusion.png."
        ),
    ] = Path("mistakes"),
    folds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Cross-validate in N folds: each network is trained without the images that it classifies. 0: the model "
            r"itself classifies them. \[default: 5 for images that trained the model, else 0]",
            show_default=False,
        ),
    ] = None,
    *,
    reading: dict[str, Any],
) -> None:
    """Find suspected label errors, misclassified images and confused classes.

    After Ctrl-C, the same command resumes.
    """
    from sablier.report.mistakes import headline
    from sablier.report.words import counted
    from sablier.workflows.mistakes import mistakes as run

    with training_progress() as on_progress:
        result = run(model, source, output, folds=folds, on_progress=on_progress, **reading)
    _print_rows(result, output)
    console.print(result.reason, markup=False)
    wrong = int(result.wrong.sum())
    console.print(f"[bold]{headline(result)}[/bold]. Estimated number of label errors: {result.estimated_errors:,.0f}.")
    console.print(f"Accuracy {result.accuracy:.2%}: {counted(wrong)} misclassified (another class than the label).")
    pairs = [f"{each['label']} predicted as {each['predicted']} ({each['images']:,})" for each in result.pairs()[:MOST_PAIRS]]
    if pairs:
        console.print(f"Most confused: {', '.join(pairs)}.", markup=False)
    console.print(f"Calibration error (ECE) {result.calibration_error:.2%}.")
    print_skipped(result.skipped, len(result.skipped), "listed in mistakes.json")
    console.print(f"See {output / 'mistakes.html'}: images, saliency maps and confused classes.", markup=False)


def _print_rows(result: "MistakesResult", output: Path) -> None:
    """Print the first misclassified images, by rank."""
    found = [row for row in result.to_table() if row["label"] != row["predicted"]]
    cells = [
        [
            row["id"],
            row["label"],
            row["predicted"],
            f"{row['probability']:.1%}",
            f"{row['label_probability']:.1%}",
            "suspected" if row["suspected"] else "",
        ]
        for row in found[:MOST_ROWS]
    ]
    if cells:
        table("", ["image", "label", "predicted", "probability", "of the label", "label error"], cells)
    if len(found) > MOST_ROWS:
        console.print(f"... and {len(found) - MOST_ROWS:,} more, listed in {output / 'mistakes.csv'}", markup=False)
