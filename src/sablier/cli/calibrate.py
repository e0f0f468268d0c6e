"""calibrate: a new threshold for a detector, or one for the scores of another tool."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.panels import DETECT, add_verb
from sablier.cli.progress import console


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    add_verb(
        app,
        calibrate,
        "calibrate part.sablier fresh/ -o part-monday.sablier",
        "calibrate part.sablier monday/ --feedback out/flagged.csv --feedback out/audit.csv",
        "calibrate --scores good.csv -o tool.sablier",
        panel=DETECT,
    )


def _table(
    scores: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Instead of images, the scores that another tool gave to good images that did not train it: a CSV with the "
            "columns id and score. `sablier judge` then judges its later scores. No model is needed; with feedback, the one "
            "that flagged the images.",
            show_default=False,
        ),
    ] = None,
    lower_is_worse: Annotated[
        bool, typer.Option("--lower-is-worse", help="With --scores: the tool gives bad images low scores.")
    ] = False,
    id_column: options.IdColumn = None,
    score_column: options.ScoreColumn = None,
) -> dict[str, Any] | None:
    """Return the table of scores as the workflow takes it; None without one."""
    columns = options.score_columns(id_column, score_column)
    if scores is None and (lower_is_worse or columns["columns"] is not None):
        raise typer.BadParameter("expected a table of scores beside options on it, got none.", param_hint="--scores")
    return None if scores is None else {"scores": scores, "lower_is_worse": lower_is_worse, **columns}


def _flagged_at(
    feedback: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A CSV with the columns id and verdict (good or bad) for images of the source, such as a filled-in "
            "flagged.csv. May be repeated. Every flagged image needs a verdict. Bad images are left out; all others "
            "calibrate, since accepted images alone were selected for their high scores and would bias the threshold.",
        ),
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(
            metavar="RATE",
            help="The false-alarm rate that the model is used at; with --feedback, the one at which images were flagged."
            + options.default(0.05),
        ),
    ] = None,
    fdr: Annotated[
        float | None,
        typer.Option(metavar="RATE", help="With --feedback: the false-discovery rate, if the images were flagged at one."),
    ] = None,
) -> dict[str, Any]:
    """Return feedback, and the rates at which its images were flagged, as the workflows take them."""
    return {"feedback": feedback or (), **options.rates(alpha, fdr)}


@options.taking(table=_table, flagged=_flagged_at)
def calibrate(
    model: Annotated[Path | None, typer.Argument(help="A .sablier model file.", show_default=False)] = None,
    source: Annotated[str | None, typer.Argument(help=options.SOURCE_HELP, show_default=False)] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The file to write; by default the model file is replaced."),
    ] = None,
    *,
    flagged: dict[str, Any],
    groups: options.Groups = None,
    backbone: options.Backbone = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the model even if too few images are left for a verdict at --alpha.")
    ] = False,
    strict: options.Strict = False,
    table: dict[str, Any] | None,
) -> None:
    """Set a new threshold from new images, without retraining; or a threshold for the scores of another tool.

    The images must be good ones or, with --feedback, a whole batch as it came. Images that trained the model are left out.
    """
    shared = {**flagged, "groups": groups, "force": force}
    if table is not None:
        if source is not None or backbone is not None:
            raise typer.BadParameter("expected either images or scores to calibrate on, got both.", param_hint="--scores")
        return calibrate_scores(model, output, **shared, **table)
    if model is None or source is None:
        raise typer.BadParameter("expected a model and new images, or --scores FILE.", param_hint="MODEL SOURCE")
    return calibrate_detector(model, source, output, **shared, backbone=backbone, strict=strict)


def calibrate_detector(model: Path, source: str, output: Path | None, **how: Any) -> None:
    """Calibrate a detector anew, and print the guarantee."""
    from sablier.tasks.detection.detect import Detector
    from sablier.workflows.calibrate import calibrate as run
    from sablier.workflows.fresh_images import calibration_groups_paths

    file = run(model, source, output, **how)
    calibration, place = Detector.from_file(file).calibration, output or model
    console.print(f"{place} is calibrated {file.provenance.calibrated}.", markup=False)
    if calibration.groups < calibration.count:
        listed, drawn = calibration_groups_paths(place)
        console.print(f"The largest groups are shown in {drawn}; {listed} lists all.", markup=False)
    console.print(calibration.promise(how["alpha"]))


def calibrate_scores(model: Path | None, output: Path | None, **how: Any) -> None:
    """Calibrate the scores of another tool, and print the guarantee."""
    from sablier.workflows.calibrate_scores import calibrate_scores as run

    result = run(output=output, model=model, **how)
    console.print(f"{output or model} is calibrated {result.file.provenance.calibrated}.", markup=False)
    for note in result.notes:
        console.print(note, style="bold", markup=False)
    console.print(result.judge.calibration.promise(how["alpha"]))
