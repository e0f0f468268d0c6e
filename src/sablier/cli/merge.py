"""merge: one result of the shards that `detect --shard` scored."""

from pathlib import Path
from typing import Annotated

import typer

from sablier.cli import options
from sablier.cli.detect import print_detections
from sablier.cli.panels import DETECT, add_verb
from sablier.cli.progress import counting_progress


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    add_verb(
        app, merge, "merge out-*/ -o all/ --alpha 0.01", "merge out-*/ -o all/ --fdr 0.1 --source /data/photos", panel=DETECT
    )


def merge(
    shards: Annotated[
        list[Path], typer.Argument(help="The folders of all shards, which detect --shard wrote.", show_default=False)
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Folder for what detect writes of a whole source.", show_default=False
        ),
    ],
    alpha: Annotated[float | None, typer.Option(help=options.ALPHA_HELP + options.default(0.05), metavar="RATE")] = None,
    fdr: options.Fdr = None,
    reject_alpha: options.RejectAlpha = None,
    review_alpha: options.ReviewAlpha = None,
    min_area: options.MinArea = 0.0,
    mm_per_pixel: options.MmPerPixel = None,
    audit: options.AuditSample = None,
    report: Annotated[
        bool,
        typer.Option(help="Write anomaly maps, masks, regions and the report besides detections; their images are read again."),
    ] = True,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The model that scored the shards, if it is elsewhere now than it was.", show_default=False
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(metavar="SOURCE", help="The images, if they are elsewhere now than they were.", show_default=False),
    ] = None,
    backbone: options.Backbone = None,
) -> None:
    """Make one result of the shards of a source: the verdicts, drift and report that detect gives for the whole."""
    from sablier.workflows.merge import merge_shards

    rates = options.rates(alpha, fdr, reject_alpha, review_alpha)
    with counting_progress("merging") as on_progress:
        summary = merge_shards(
            shards, output, **rates, min_area=min_area, mm_per_pixel=mm_per_pixel, audit=audit, report=report, model=model,
            source=source, backbone=backbone, on_progress=on_progress,
        )  # fmt: skip
    print_detections(summary, output, audit, report)
