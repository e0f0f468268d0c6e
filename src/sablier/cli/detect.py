"""detect, calibrate: what a trained detector is used for."""

from pathlib import Path
from typing import Annotated

import typer

from sablier.cli import options
from sablier.cli.progress import console, counting_progress, print_skipped


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(epilog="Example: sablier detect part.sablier new/ -o out/ --alpha 0.01")(detect)
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
