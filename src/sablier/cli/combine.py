"""interpolate, combine: codes between those of two images, and sums and differences of codes, decoded."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.panels import EXPLORE, add_verb
from sablier.cli.progress import console, counting_progress, print_skipped, table


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    add_verb(app, interpolate, "interpolate digits.sablier a.png b.png -o between.gif", panel=EXPLORE)
    add_verb(
        app,
        combine,
        "combine digits.sablier --add bold-A/ --add regular-B/ --subtract regular-A/ -o bold-B.png",
        panel=EXPLORE,
    )


def interpolate(
    model: options.Model,
    start: Annotated[str, typer.Argument(help="An image, or the first of a source of several.", show_default=False)],
    end: Annotated[str, typer.Argument(help="Another image.", show_default=False)],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="A .png file for a strip, or a .gif file for an animation.")
    ] = Path("interpolation.png"),
    count: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            callback=options.within(2),
            help="Number of pictures, both ends included; by default 10, or 40 in an animation.",
        ),
    ] = None,
    curve: Annotated[
        str, typer.Option(metavar="NAME", help="linear, or spherical (slerp: along an arc around the mean code).")
    ] = "linear",
    label_column: options.LabelColumn = None,
    shape: options.Shape = None,
) -> None:
    """Interpolate between two images: decode the codes between theirs."""
    from sablier.workflows.interpolate import interpolate as run

    interpolation = run(model, start, end, output, count=count, curve=curve, **options.reading(label_column, None, shape, False))
    console.print(
        f"From {interpolation.ids[0]} to {interpolation.ids[1]}, {interpolation.curve}, in {len(interpolation)} pictures.",
        markup=False,
    )
    if interpolation.unevenness is None:
        console.print("Nothing changes: both images have the same code.")
    else:
        console.print(
            f"Each step changes pixels by {interpolation.steps.mean():.3f} on average (black is 0, white is 1); "
            f"the largest step is {interpolation.unevenness:.2f} times as large."
        )
    if interpolation.leaves_data is not None and interpolation.leaves_data.any():
        console.print(
            f"{interpolation.leaves_data.sum()} of {len(interpolation)} pictures lie outside the training data: "
            f"almost no real image has such a code."
        )
    console.print(f"See {output}", markup=False)


def _reading(
    label_column: options.LabelColumn = None, shape: options.Shape = None, strict: options.Strict = False
) -> dict[str, Any]:
    return options.reading(label_column, None, shape, strict)


@options.taking(reading=_reading)
def combine(
    model: options.Model,
    add: Annotated[
        list[str],
        typer.Option(help="Images whose mean code is added. May be repeated.", show_default=False, metavar="SOURCE"),
    ],
    subtract: Annotated[
        list[str] | None, typer.Option(help="Images whose mean code is subtracted. May be repeated.", metavar="SOURCE")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="A .png file for the terms, the result and real images.")
    ] = Path("combined.png"),
    among: Annotated[
        str | None,
        typer.Option(help="Images to search for the nearest one; by default the combined ones.", metavar="SOURCE"),
    ] = None,
    *,
    reading: dict[str, Any],
) -> None:
    """Average images, or add and subtract averages, by their codes, and decode the result (latent arithmetic).

    Without --subtract the result is the average of all images that are added.

    With --subtract, add one source more than you subtract: a difference alone is a direction, not an image.
    """
    from sablier.report.strips import leaving_sentence
    from sablier.workflows.combine import combine as run

    with counting_progress("encoding") as on_progress:
        result = run(model, add, subtract or [], output, among=among, on_progress=on_progress, **reading)
    table("", ["set", "weight", "images"], [[term.name, f"{term.weight:+.3g}", f"{term.count:,}"] for term in result.terms])
    console.print(f"The real image with the nearest code is {result.nearest_ids[0]}.", markup=False)
    if sentence := leaving_sentence(result):
        console.print(sentence)
    print_skipped(result.skipped, result.skipped_count, "not listed")
    console.print(f"See {output}", markup=False)
