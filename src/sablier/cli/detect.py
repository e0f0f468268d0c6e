"""detect, evaluate, compare, calibrate: what a trained detector is used for."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sablier.cli import options
from sablier.cli.progress import console, counting_progress, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sablier.images.imageset import Skipped
    from sablier.tasks.evaluate import EvaluationResult, MethodRow

Good = Annotated[
    str, typer.Option(help="Images known to be good, unseen in training. " + options.SOURCE_HELP, show_default=False)
]
Bad = Annotated[str, typer.Option(help="Images known to be bad.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(epilog="Example: sablier detect part.sablier new/ -o out/ --alpha 0.01")(detect)
    app.command(epilog="Example: sablier evaluate part.sablier --good good/ --bad bad/ -o evaluation.html")(evaluate)
    app.command(epilog="Example: sablier compare a.sablier b.sablier --good good/ --bad bad/")(compare)
    app.command(epilog="Example: sablier calibrate part.sablier monday/ -o part-monday.sablier")(calibrate)


def detect(
    model: options.Model,
    source: options.Source,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A folder for detections.csv and .json, heatmaps and report.html.")
    ] = Path("detections"),
    alpha: options.Alpha = 0.05,
    report: Annotated[bool, typer.Option(help="Draw heatmaps and the report; the tables are always written.")] = True,
    label_column: options.LabelColumn = None,
    labels: options.Labels = None,
    shape: options.Shape = None,
    strict: options.Strict = False,
) -> None:
    """Find the images that do not belong."""
    from sablier.workflows.detect import detect as run

    with counting_progress("judging") as on_progress:
        summary = run(
            model, source, output, alpha=alpha, report=report, on_progress=on_progress,
            **options.reading(label_column, labels, shape, strict),
        )  # fmt: skip
    if summary.undetermined:
        console.print(f"[bold]{summary.count}[/bold] images scored.")
    else:
        console.print(f"[bold]{summary.flagged} of {summary.count}[/bold] images do not belong.")
        others = ", ".join(f"{name} {count}" for name, count in summary.baseline_flagged.items())
        console.print(f"At the same false-alarm rate the baselines flag: {others}.")
    print_skipped(summary.skipped, summary.skipped_count, "listed in detections.json")
    console.print(summary.promise)
    console.print(f"See {output / ('report.html' if report else 'detections.csv')}", markup=False)


def evaluate(
    model: options.Model,
    good: Good,
    bad: Bad,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="An HTML report to write.")] = None,
    alpha: options.Alpha = 0.05,
    strict: options.Strict = False,
) -> None:
    """Measure what a model misses and what it flags wrongly, beside the baselines."""
    from sablier.calibration import percent
    from sablier.workflows.evaluate import evaluate as run

    result = run(model, good, bad, output, alpha=alpha, strict=strict)
    skipped = result.good.skipped + result.bad.skipped
    print_skipped(skipped, len(skipped), "unreadable too")
    print_methods(f"{len(result.good)} good and {len(result.bad)} bad images, alpha {percent(alpha)}", result)
    console.print(result.good.promise)
    if output is not None:
        console.print(f"See {output}", markup=False)


def print_skipped(skipped: "Sequence[Skipped]", count: int, others: str) -> None:
    """List the first images that could not be read, and count the others."""
    for item in skipped[:10]:
        console.print(f"skipped {item.id}: {item.reason}", markup=False)
    if count > 10:
        console.print(f"... and {count - 10} more, {others}")


def print_methods(title: str, result: "EvaluationResult") -> None:
    """Print an evaluation as a table, intervals beside the values."""
    rows = []
    for row in result.rows:
        cells = [row.method, f"{row.auroc:.4f} [{row.auroc_interval[0]:.3f}, {row.auroc_interval[1]:.3f}]"]
        for rate in (row.false_alarms, row.missed):
            low, high = rate.interval
            cells.append("undetermined" if result.undetermined else f"{rate.value:.1%} [{low:.1%}, {high:.1%}]")
        rows.append(cells)
    table(title, ["method", "AUROC [95 %]", "false alarms [95 %]", "missed [95 %]"], rows)


def compare(
    models: Annotated[list[Path], typer.Argument(help="Two or more .sablier files.", show_default=False)],
    good: Good,
    bad: Bad,
    alpha: options.Alpha = 0.05,
    strict: options.Strict = False,
) -> None:
    """Compare models on the same images, and show in which settings they differ."""
    from sablier.calibration import percent
    from sablier.workflows.evaluate import compare as run

    found = run(models, good, bad, alpha=alpha, strict=strict)
    skipped = found[0].result.good.skipped + found[0].result.bad.skipped
    print_skipped(skipped, len(skipped), "unreadable too")
    rows = []
    for each in found:
        ours = each.result.rows[0]
        cells = [each.model.name, *(str(value) for value in each.settings.values()), f"{each.seconds:.0f}", f"{ours.auroc:.4f}"]
        rows.append([*cells, *_rates(each.result, ours)])
    for row in found[0].result.rows[1:]:
        blank = [""] * (len(found[0].settings) + 1)
        rows.append([f"{row.method} (baseline)", *blank, f"{row.auroc:.4f}", *_rates(found[0].result, row)])
    table(f"alpha {percent(alpha)}", ["model", *found[0].settings, "seconds", "AUROC", "false alarms", "missed"], rows)


def _rates(result: "EvaluationResult", row: "MethodRow") -> list[str]:
    return ["undetermined" if result.undetermined else f"{rate.value:.1%}" for rate in (row.false_alarms, row.missed)]


def calibrate(
    model: options.Model,
    source: options.Source,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; without it the model file is replaced.")
    ] = None,
    strict: options.Strict = False,
) -> None:
    """Set a new threshold from fresh good images, which neither trained nor calibrated the model. No retraining."""
    from sablier.tasks.detect import Detector
    from sablier.workflows.calibrate import calibrate as run

    file = run(model, source, output, strict=strict)
    console.print(f"{output or model} is calibrated {file.provenance.calibrated}.", markup=False)
    console.print(Detector.from_file(file).calibration.promise(0.05))
