"""fool: strange images that a classifier is sure of."""

from pathlib import Path
from typing import Annotated

import typer

from sablier.cli import options
from sablier.cli.progress import console, counting_progress, table

ALL = "all"


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog="Example: sablier fool c.sablier --class all --judge other.sablier -o fooled/")(fool)


def fool(
    model: options.Model,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A folder for fool.csv, fool.json, fool.png and the images.")
    ] = Path("fooled"),
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", help="A class that images shall be taken for, or all; again for more.", show_default=ALL),
    ] = None,
    ways: Annotated[
        list[str] | None,
        typer.Option(
            "--way",
            help="direct: evolution of pixels. cppn: evolution of small nets that draw patterns. gradient: ascent from noise. "
            "Or all; again for more.",
            show_default=ALL,
        ),
    ] = None,
    judge: Annotated[Path | None, typer.Option(help="Another classifier, to be asked what it sees.", metavar="MODEL")] = None,
    sure: Annotated[float, typer.Option(help="The calibrated probability that is enough, below 1.")] = 0.999,
    generations: Annotated[int, typer.Option(help="Generations of evolution, or steps of the gradient, at most.")] = 5000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same images.", min=0)] = 0,
) -> None:
    """Make strange images, which show nothing, that a classifier is sure of.

    Judged on 8-bit pixels, as the files hold them, by the calibrated probability.
    """
    from sablier.report.fooling import fool_headline
    from sablier.report.words import duration
    from sablier.tasks.classification.fooling import WAYS
    from sablier.workflows.fool import fool as run

    with counting_progress("fooling") as on_progress:
        result = run(
            model, output, classes=_named(classes), ways=_named(ways) or tuple(WAYS), judge=judge, sure=sure,
            generations=generations, seed=seed, on_progress=lambda way, images: on_progress(images),
        )  # fmt: skip
    rows = [
        [
            way,
            f"{int(result.fooled[row].sum())} of {len(result.classes)}",
            f"{result.probabilities[row].min():.3%}",
            f"{result.p_values[row].min():.3f}",
            *([] if result.judge_agrees is None else [f"{int(result.judge_agrees[row].sum())} of {len(result.classes)}"]),
            duration(result.seconds[row]),
        ]
        for row, way in enumerate(result.ways)
    ]
    judged = [] if judge is None else ["judge agrees"]
    table("", ["way", "classes fooled", "least sure", "lowest p-value", *judged, "time"], rows)
    console.print(fool_headline(result))
    console.print(f"See {output / 'fool.png'}", markup=False)


def _named(names: list[str] | None) -> list[str] | None:
    """Return what was asked for by name; None for all."""
    return None if not names or ALL in names else names
