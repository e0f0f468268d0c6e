"""compare: several models of one task, side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.panels import MODELS, add_verb
from sablier.cli.progress import console, print_skipped, table

if TYPE_CHECKING:
    from sablier.workflows.compare import Comparison

Images = Annotated[
    str | None,
    typer.Option(metavar="SOURCE", help="Labelled images to measure classifiers on. " + options.SOURCE_HELP, show_default=False),
]
RATES, SHARES = ("false_alarms", "missed"), ("accuracy", "calibration_error")
LOSSES = ("loss", "validation_loss", "generator_loss", "discriminator_loss")
HEADINGS = {
    "epochs_trained": "epochs", "validation_loss": "held out", "generator_loss": "generator",
    "discriminator_loss": "discriminator", "auroc": "AUROC", "false_alarms": "false alarms", "calibration_error": "ECE",
}  # fmt: skip


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    add_verb(
        app,
        compare,
        "compare adam.sablier sgd.sablier --images labelled/ -o comparison/",
        "compare a.sablier b.sablier --good good/ --bad bad/",
        panel=MODELS,
    )


@options.taking(reading=options.reading)
def compare(
    models: Annotated[list[Path], typer.Argument(help="Two or more .sablier files of one task.", show_default=False)],
    images: Images = None,
    good: options.Good = None,
    bad: options.Bad = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Folder for compare.csv, compare.json and curves.png."),
    ] = None,
    alpha: options.Alpha = 0.05,
    backbone: options.Backbones = None,
    *,
    reading: dict[str, Any],
) -> None:
    """Compare models: the settings that differ, the losses, and the results on the same images.

    The column loss is the final loss on training images, held out that on validation images.

    Detectors are measured on --good and --bad images, classifiers on labelled --images: accuracy and ECE (calibration error).
    """
    from sablier.calibration import percent
    from sablier.tasks.detection.evaluate import EvaluationResult
    from sablier.workflows.compare import compare as run

    found = run(models, images, output, good=good, bad=bad, alpha=alpha, backbones=backbone or (), **reading)
    measured = found.models[0].measured
    if measured is not None:
        skipped = (*measured.good.skipped, *measured.bad.skipped) if isinstance(measured, EvaluationResult) else measured.skipped
        print_skipped(skipped, len(skipped), "also unreadable")
    print_comparison(f"alpha {percent(alpha)}" if isinstance(measured, EvaluationResult) else "", found)
    if output is not None:
        console.print(f"See {output / 'curves.png'} and {output / 'compare.csv'}", markup=False)


def print_comparison(title: str, found: "Comparison") -> None:
    """Print a comparison as a table. Detectors that were measured show their rates instead of their many losses."""
    rows = found.to_table()
    judged = "auroc" in rows[0]
    settings = [*(model.settings for model in found.models), *({} for _ in rows[len(found.models) :])]
    hidden = {"epochs_trained", *LOSSES} if judged else {"epochs_trained"} if "epochs" in settings[0] else set()
    columns = [name for name in rows[0] if name.rpartition(".")[2] not in hidden]
    cells = [[_cell(name, row, own) for name in columns] for row, own in zip(rows, settings, strict=True)]
    table(title, [_heading(name) for name in columns], cells)


def _heading(name: str) -> str:
    kind, dot, last = name.rpartition(".")
    return f"{kind}{dot}{HEADINGS.get(last, last)}"


def _cell(name: str, row: dict[str, Any], settings: dict[str, Any]) -> str:
    from sablier.report.settings import as_text

    value, last = row[name], name.rpartition(".")[2]
    if name in settings:
        return as_text(value)
    if value is None:
        return "undetermined" if name in RATES else ""
    if name in RATES:
        return f"{value:.1%}"
    if name in SHARES:
        return f"{value:.2%}"
    if last in (*LOSSES, "auroc"):
        return f"{value:.4f}"
    return f"{value:.0f}" if name == "seconds" else str(value)
