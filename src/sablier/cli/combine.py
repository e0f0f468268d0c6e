"""interpolate, combine: what lies between images, and sums and differences of them, as a model sees them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.progress import console, counting_progress, print_skipped, table


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(epilog="Example: sablier interpolate digits.sablier a.png b.png -o walk.gif")(interpolate)
    app.command(
        epilog=r"Example: sablier combine digits.sablier --add bold-A/ --add regular-B/ --subtract regular-A/ -o bold-B.png"
    )(combine)


def interpolate(
    model: options.Model,
    start: Annotated[str, typer.Argument(help="An image; of a source of several, the first.", show_default=False)],
    end: Annotated[str, typer.Argument(help="Another one.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="A .png, for a strip, or .gif, for an animation.")] = Path(
        "walk.png"
    ),
    count: Annotated[
        int | None,
        typer.Option(help="Pictures on the way, both ends among them; by default 10, or 40 in an animation.", min=2),
    ] = None,
    curve: Annotated[str, typer.Option(help="linear, or spherical: the straight way, or the arc around the middle.")] = "linear",
    label_column: options.LabelColumn = None,
    shape: options.Shape = None,
) -> None:
    """Walk from one image to another through the codes a model has for them, and draw what lies between."""
    from sablier.workflows.interpolate import interpolate as run

    walk = run(model, start, end, output, count=count, curve=curve, **options.reading(label_column, None, shape, False))
    console.print(f"From {walk.ids[0]} to {walk.ids[1]}, {walk.curve}, in {len(walk)} pictures.", markup=False)
    if walk.unevenness is None:
        console.print("Nothing changes on the way: the model has one code for both.")
    else:
        console.print(
            f"Each step changes pixels by {walk.steps.mean():.3f} on average, black being 0 and white 1; "
            f"the largest step is {walk.unevenness:.2f} times as large."
        )
    if walk.leaves_data is not None and walk.leaves_data.any():
        console.print(f"{walk.leaves_data.sum()} of {len(walk)} pictures leave the data: nearly no image has such a code.")
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
        typer.Option(help="Images whose mean is added. May be given several times.", show_default=False, metavar="SOURCE"),
    ],
    subtract: Annotated[
        list[str] | None, typer.Option(help="Images whose mean is subtracted. May be given several times.", metavar="SOURCE")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="A .png of the parts, the result and real images.")] = Path(
        "combined.png"
    ),
    among: Annotated[
        str | None,
        typer.Option(help="Real images to show the nearest of; otherwise those that are combined.", metavar="SOURCE"),
    ] = None,
    *,
    reading: dict[str, Any],
) -> None:
    """Average images, or add and subtract averages, in the codes of a model, and draw what comes out.

    Without --subtract the result is the average of all that is added.

    With it, add one more than you subtract: a difference alone is a direction, not an image.
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
