"""detect, audit, calibrate: what a trained detector is used for."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.progress import console, counting_progress, print_skipped


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(
        epilog="Example: sablier detect part.sablier new/ -o out/ --alpha 0.01\n\n"
        "Example: sablier detect part.sablier new/ -o out/ --fdr 0.1 --audit 50"
    )(detect)
    app.command(epilog="Example: sablier audit out/ --reviewed out/flagged.csv")(audit)
    app.command(
        epilog="Example: sablier calibrate part.sablier fresh/ -o part-monday.sablier\n\n"
        "Example: sablier calibrate part.sablier monday/ --feedback out/flagged.csv --feedback out/audit.csv"
    )(calibrate)


@options.taking(reading=options.reading)
def detect(
    model: options.Model,
    source: options.Source,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A folder for detections.csv and .json, heatmaps, masks and report.html.")
    ] = Path("detections"),
    alpha: Annotated[float | None, typer.Option(help=options.ALPHA_HELP, show_default="0.05")] = None,
    fdr: Annotated[
        float | None,
        typer.Option(
            help="In place of --alpha, the false-discovery rate: the share of good images among the flagged ones, over all "
            "images of the source as one batch (Benjamini-Hochberg)."
        ),
    ] = None,
    audit: Annotated[
        int | None,
        typer.Option(
            help="Draw so many unflagged images at random into audit.csv, beside flagged.csv; fill in their column verdict "
            "with good or bad, and `sablier audit` estimates what is missed."
        ),
    ] = None,
    report: Annotated[bool, typer.Option(help="Draw heatmaps, masks and the report; the tables are always written.")] = True,
    backbone: options.Backbone = None,
    *,
    reading: dict[str, Any],
) -> None:
    """Find the images that do not belong; say so if the images as a whole have drifted from those calibrated on."""
    from sablier.workflows.detect import detect as run

    rates = _rates(alpha, fdr)
    with counting_progress("judging") as on_progress:
        summary = run(
            model, source, output, **rates, audit=audit, report=report, backbone=backbone, on_progress=on_progress, **reading
        )
    if summary.undetermined:
        console.print(f"[bold]{summary.count}[/bold] images scored.")
    else:
        outcome, rate = ("do not belong", "false-alarm") if fdr is None else ("are flagged", "false-discovery")
        console.print(f"[bold]{summary.flagged} of {summary.count}[/bold] images {outcome}.")
        others = ", ".join(f"{name} {count}" for name, count in summary.baseline_flagged.items())
        console.print(f"At the same {rate} rate the baselines flag: {others}.")
    print_skipped(summary.skipped, summary.skipped_count, "listed in detections.json")
    console.print(summary.promise)
    console.print(summary.drift_words(), style="bold" if summary.drift.alarmed else "")
    for note in filter(None, (summary.known_words(), summary.repeats_words())):
        console.print(note, style="bold")
    if audit is not None:
        console.print(f"Fill in the column verdict of {output / 'audit.csv'}, then: sablier audit {output}", markup=False)
    console.print(f"See {output / ('report.html' if report else 'detections.csv')}", markup=False)


def audit(
    folder: Annotated[Path, typer.Argument(help="What detect wrote with --audit; audit.csv is filled in.", show_default=False)],
    reviewed: Annotated[
        Path | None, typer.Option(help="flagged.csv, filled in too: then the share of all bad images that is missed is known.")
    ] = None,
) -> None:
    """Estimate what detect missed, from the random sample of unflagged images that a person has judged."""
    from sablier.workflows.audit import audit as run

    console.print(run(folder, reviewed).words())


def calibrate(
    model: options.Model,
    source: options.Source,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; without it the model file is replaced.")
    ] = None,
    feedback: Annotated[
        list[Path] | None,
        typer.Option(
            help="A CSV with the columns id and verdict (good or bad) on images of the source, such as a filled-in "
            "flagged.csv; may be given several times. All that is flagged must have a verdict. What is bad does not calibrate, "
            "all else does: accepted images alone were picked for being strange, and would make everything look normal."
        ),
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(help="With --feedback: the false-alarm rate that the images were flagged at.", show_default="0.05"),
    ] = None,
    fdr: Annotated[
        float | None, typer.Option(help="With --feedback: the false-discovery rate, if the images were flagged by one.")
    ] = None,
    groups: options.Groups = None,
    backbone: options.Backbone = None,
    strict: options.Strict = False,
) -> None:
    """Set a new threshold from fresh images, which did not train the model. No retraining.

    The images must be good ones; or, with --feedback, a whole batch as it came. Those that trained the model are left out.
    """
    from sablier.tasks.detection.detect import Detector
    from sablier.workflows.calibrate import calibrate as run
    from sablier.workflows.calibrate import calibration_groups_paths

    file = run(
        model, source, output, feedback=feedback or (), **_rates(alpha, fdr), groups=groups, backbone=backbone, strict=strict
    )
    calibration, place = Detector.from_file(file).calibration, output or model
    console.print(f"{place} is calibrated {file.provenance.calibrated}.", markup=False)
    if calibration.groups < calibration.count:
        listed, drawn = calibration_groups_paths(place)
        console.print(f"The largest groups are drawn in {drawn}, all are in {listed}.", markup=False)
    console.print(calibration.promise(0.05))


def _rates(alpha: float | None, fdr: float | None) -> dict[str, Any]:
    """Return the rate asked for, as the workflows take it; of the two only one may be given."""
    if alpha is not None and fdr is not None:
        raise typer.BadParameter("expected --alpha or --fdr, got both.", param_hint="--fdr")
    return {"alpha": 0.05 if alpha is None else alpha, "fdr": fdr}
