"""export: a trained model as an ONNX file."""

from pathlib import Path
from typing import Annotated

import typer

from sablier.cli import options
from sablier.cli.panels import MODELS, add_verb
from sablier.cli.progress import console, steps_progress


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    add_verb(
        app,
        export,
        "export part.sablier -o part.onnx",
        "export part.sablier -o part.onnx --images good/",
        panel=MODELS,
    )


def export(
    model: options.Model,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The .onnx file to write.", show_default=False)],
    images: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Images to compare the exported model on, of which at most 32 are used; by default the training images. "
            + options.SOURCE_HELP,
            show_default=False,
        ),
    ] = None,
    int8: Annotated[
        bool,
        typer.Option(
            "--int8",
            help="Compute networks in whole numbers of 8 bits: smaller, and faster where the processor can. Scores change; the "
            "model is written only if at least 98 % of the verdicts stay.",
        ),
    ] = False,
    backbone: options.Backbone = None,
) -> None:
    """Write a model as an ONNX file, which judges without torch: with sablier detect, sablier-judge, or another language.

    The file is compared with the model on real images, and written only if scores, p-values, verdicts and maps agree.
    """
    from sablier.workflows.exporting.export import export as run

    with steps_progress() as on_step:
        result = run(model, output, images=images, int8=int8, backbone=backbone, on_step=on_step)
    console.print(result.parity.words(), markup=False)
    if result.faster is not None:
        console.print(f"It takes {1 / result.faster:.2f} of the time in single precision, on this machine.", markup=False)
    console.print(f"{result.path} was written ({result.size / 1e6:.1f} MB).", markup=False)
