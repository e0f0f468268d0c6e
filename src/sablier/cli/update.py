"""update: more good images for a detector, without training it again."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.panels import DETECT, add_verb
from sablier.cli.progress import console
from sablier.cli.time_left import training_progress


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    add_verb(
        app,
        update,
        "update part.sablier more_good/ -o part-june.sablier",
        "update part.sablier more_good/ -o part-june.sablier --calibrate fresh/",
        "update part.sablier monday/ -o part-june.sablier --false-alarms verdicts.csv --calibrate fresh/",
        panel=DETECT,
    )


FalseAlarms = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SOURCE",
        help="Confirmed false alarms: a folder of flagged images that are good, or a CSV with the columns id and verdict "
        "(good or bad) for images of SOURCE, such as verdicts.csv of a report. May be repeated. Good images train; bad ones "
        "are left out. The rest of SOURCE trains, too, and does not calibrate, since its highest scores are missing.",
    ),
]
Calibrate = Annotated[
    str | None,
    typer.Option(
        metavar="SOURCE",
        help="Other good images, which calibrate; all new images then train. Without them a random half of the new images "
        "calibrates and does not train.",
        show_default=False,
    ),
]


def _rates(
    alpha: Annotated[
        float | None,
        typer.Option(
            metavar="RATE",
            help="The false-alarm rate that the model is used at; with a CSV, the one at which images were flagged."
            + options.default(0.05),
        ),
    ] = None,
    fdr: Annotated[
        float | None,
        typer.Option(metavar="RATE", help="With a CSV of false alarms: the false-discovery rate, if images were flagged at one."),
    ] = None,
) -> dict[str, Any]:
    """Return the rates as the workflow takes them."""
    return options.rates(alpha, fdr)


@options.taking(rates=_rates)
def update(
    model: options.Model,
    source: Annotated[
        str | None,
        typer.Argument(
            help="New good images; with a CSV of false alarms, the whole batch. " + options.SOURCE_HELP, show_default=False
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The file to write; by default the model file is replaced."),
    ] = None,
    false_alarms: FalseAlarms = None,
    calibrate: Calibrate = None,
    *,
    rates: dict[str, Any],
    groups: options.Groups = None,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed chooses the same images to calibrate.")] = 0,
    backbone: options.Backbone = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the model even if too few images calibrate for a verdict at --alpha.")
    ] = False,
    strict: options.Strict = False,
) -> None:
    """Add good images, or confirmed false alarms, to a detector of photos without training it again.

    The images are used as if they had been among the first ones; every other choice stays as it was. All scores change, so the
    detector is calibrated anew.
    """
    from sablier.tasks.detection.detect import Detector
    from sablier.workflows.fresh_images import calibration_groups_paths
    from sablier.workflows.update import update as run

    with training_progress() as on_progress:
        file = run(
            model, source, output, false_alarms=false_alarms, calibrate=calibrate, **rates, groups=groups, seed=seed,
            backbone=backbone, force=force, on_progress=on_progress, strict=strict,
        )  # fmt: skip
    calibration, place = Detector.from_file(file).calibration, output or model
    console.print(f"{place} was updated with {file.provenance.updates[-1]}.", markup=False)
    console.print(f"It is calibrated {file.provenance.calibrated}.", markup=False)
    if calibration.groups < calibration.count:
        listed, drawn = calibration_groups_paths(place)
        console.print(f"The largest groups are shown in {drawn}; {listed} lists all.", markup=False)
    console.print(calibration.promise(rates["alpha"]), style="" if calibration.decides(rates["alpha"]) else "bold")
