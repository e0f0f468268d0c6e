"""evaluate: the miss rate, the false-alarm rate and the AUROC of a detector."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sablier.cli import options
from sablier.cli.panels import DETECT, add_verb
from sablier.cli.progress import console, print_skipped, table

if TYPE_CHECKING:
    from sablier.tasks.detection.evaluate import EvaluationResult

MOST_WITHOUT_MASK = 5


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    add_verb(
        app,
        evaluate,
        "evaluate part.sablier --good unseen-good/ --bad bad/ -o evaluation.html",
        "evaluate tile.sablier tile/",
        panel=DETECT,
    )


def evaluate(
    model: options.Model,
    category: Annotated[
        str | None,
        typer.Argument(
            help="A folder laid out like MVTec AD, instead of --good and --bad: test/good holds the good images, the other "
            "folders of test the bad ones, and ground_truth the masks to compare anomaly maps with.",
            show_default=False,
        ),
    ] = None,
    good: options.Good = None,
    bad: options.Bad = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The HTML report to write. Its pictures go to a folder beside it: page_files/ for page.html.",
        ),
    ] = None,
    alpha: options.Alpha = 0.05,
    backbone: options.Backbone = None,
    strict: options.Strict = False,
) -> None:
    """Measure AUROC, miss rate and false-alarm rate on good and bad images, beside baselines; with masks, also per pixel."""
    from sablier.calibration import percent
    from sablier.workflows.evaluate import evaluate as run

    if (category is None) == (good is None) or (good is None) != (bad is None):
        given = [name for name, value in (("CATEGORY", category), ("--good", good), ("--bad", bad)) if value is not None]
        wanted = "Missing images: expected --good and --bad, or a category folder instead of both"
        raise typer.BadParameter(f"{wanted}, got {' and '.join(given) or 'neither'}.")
    result = run(model, good or category, bad, output, alpha=alpha, backbone=backbone, strict=strict)
    skipped = result.good.skipped + result.bad.skipped
    print_skipped(skipped, len(skipped), "also unreadable")
    print_methods(f"{len(result.good)} good and {len(result.bad)} bad images, alpha {percent(alpha)}", result)
    print_alphas(result)
    print_kinds(result)
    for note in result.notes:
        console.print(note, style="bold")
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


def print_alphas(result: "EvaluationResult") -> None:
    """Print false alarms and misses at several false-alarm rates."""
    from sablier.calibration import percent

    rows = [
        [percent(row.alpha), *(f"{rate.value:.1%} ({rate.hits:,} of {rate.count:,})" for rate in (row.false_alarms, row.missed))]
        if row.decided
        else [percent(row.alpha), "undetermined", "undetermined"]
        for row in result.by_alpha
    ]
    table("sablier by alpha", ["alpha", "false alarms", "missed"], rows)


def print_kinds(result: "EvaluationResult") -> None:
    """Print the results for each kind of bad image, where there are several, and with masks those of the anomaly maps."""
    ours, several = result.rows[0], len(result.kinds) > 1
    if not several and result.pixels is None and not result.without_mask:
        return
    rows = []
    for name, row, pixels in [(row.kind, row, row.pixels) for row in result.kinds if several] + [("all", ours, result.pixels)]:
        missed = "undetermined" if result.undetermined else f"{row.missed.value:.1%}"
        cells = [name, str(row.missed.count), f"{row.auroc:.4f}", missed]
        rows.append([*cells, *([f"{pixels.auroc:.4f}", f"{pixels.aupro:.4f}"] if pixels else ["no masks", ""])])
    columns = ["kind of bad image", "number", "AUROC", "missed"]
    width = len(columns) if result.pixels is None else len(columns) + 2
    table("sablier by kind", [*columns, "pixel AUROC", "AUPRO"][:width], [row[:width] for row in rows])
    for item in result.without_mask[:MOST_WITHOUT_MASK]:
        console.print(f"no pixel metrics for {item.id}: {item.reason}", markup=False)
    if len(result.without_mask) > MOST_WITHOUT_MASK:
        console.print(f"... and {len(result.without_mask) - MOST_WITHOUT_MASK} more without a mask")
