"""fool: fooling images, which show nothing and which a classifier is sure of."""

from pathlib import Path
from typing import Annotated

import typer

from sablier.cli import options
from sablier.cli.panels import CLASSIFY, add_verb
from sablier.cli.progress import console, counting_progress, table

ALL = "all"


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    add_verb(app, fool, "fool c.sablier --class all --judge other.sablier -o fooled/", panel=CLASSIFY)


def fool(
    model: options.Model,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for fool.csv, fool.json, fool.png and the images.")
    ] = Path("fooled"),
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="NAME", help="Target class, or all. May be repeated." + options.default(ALL)),
    ] = None,
    ways: Annotated[
        list[str] | None,
        typer.Option(
            "--way",
            metavar="NAME",
            help="direct: evolution of pixels. cppn: evolution of small networks that generate patterns (CPPN). gradient: "
            "gradient ascent from noise. Or all. May be repeated." + options.default(ALL),
        ),
    ] = None,
    judge: Annotated[
        Path | None, typer.Option(help="A second classifier, which classifies the images too.", metavar="MODEL")
    ] = None,
    sure: Annotated[float, typer.Option(metavar="SHARE", help="Calibrated probability to reach, below 1.")] = 0.999,
    generations: Annotated[int, typer.Option(metavar="N", help="Largest number of generations, or of gradient steps.")] = 5000,
    seed: Annotated[int, typer.Option(metavar="N", callback=options.within(0), help="The same seed gives the same images.")] = 0,
) -> None:
    """Generate fooling images: they show nothing, yet a classifier is sure of their class.

    Probabilities are calibrated, and measured on 8-bit pixels, as the files hold them.
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
    table("", ["way", "classes fooled", "lowest probability", "lowest p-value", *judged, "time"], rows)
    console.print(fool_headline(result))
    console.print(f"See {output / 'fool.png'}", markup=False)


def _named(names: list[str] | None) -> list[str] | None:
    """Return what was asked for by name; None for all."""
    return None if not names or ALL in names else names
