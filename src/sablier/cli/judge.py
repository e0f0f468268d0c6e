"""judge: verdicts on the scores of any other tool."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.detect import print_detections
from sablier.cli.panels import DETECT, add_verb
from sablier.cli.progress import counting_progress


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    add_verb(
        app,
        judge,
        "judge tool.sablier scores.csv -o out/ --alpha 0.01",
        "judge tool.sablier scores.csv -o out/ --fdr 0.1",
        r"judge tool.sablier scores.csv -o out/ --lot 'regex:(lot\d+)'",
        panel=DETECT,
    )


@options.taking(bounds=options.bounds, columns=options.score_columns)
def judge(
    model: Annotated[Path, typer.Argument(help="The .sablier file that `sablier calibrate --scores` wrote.", show_default=False)],
    scores: Annotated[
        Path,
        typer.Argument(
            help="The scores that the tool gave to new images: a CSV with the columns that calibrated.", show_default=False
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Folder for detections (.csv and .json), photos of files that the table names, and report.html.",
        ),
    ] = Path("detections"),
    alpha: Annotated[float | None, typer.Option(help=options.ALPHA_HELP + options.default(0.05), metavar="RATE")] = None,
    fdr: options.Fdr = None,
    reject_alpha: options.RejectAlpha = None,
    review_alpha: options.ReviewAlpha = None,
    audit: options.AuditSample = None,
    report: Annotated[bool, typer.Option(help="Write photos and the report besides detections.")] = True,
    *,
    bounds: dict[str, Any],
    columns: dict[str, Any],
) -> None:
    """Flag images by the scores of another tool, and warn if the scores as a whole have drifted from the calibration."""
    from sablier.workflows.judge import judge as run

    rates = options.rates(alpha, fdr, reject_alpha, review_alpha)
    with counting_progress("judging") as on_progress:
        summary = run(model, scores, output, **rates, **bounds, **columns, audit=audit, report=report, on_progress=on_progress)
    print_detections(summary, output, audit, report)
