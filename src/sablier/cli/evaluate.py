"""evaluate, compare: what a detector misses and what it flags wrongly."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sablier.cli import options
from sablier.cli.progress import console, print_skipped, table

if TYPE_CHECKING:
    from sablier.tasks.evaluate import EvaluationResult, MethodRow

Good = Annotated[
    str, typer.Option(help="Images known to be good, unseen in training. " + options.SOURCE_HELP, show_default=False)
]
Bad = Annotated[str, typer.Option(help="Images known to be bad.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(epilog="Example: sablier evaluate part.sablier --good good/ --bad bad/ -o evaluation.html")(evaluate)
    app.command(epilog="Example: sablier compare a.sablier b.sablier --good good/ --bad bad/")(compare)


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
