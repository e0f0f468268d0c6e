"""classify, attack: what a classifier says of images, and what fools it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.progress import console, counting_progress, print_skipped, table

MOST_ROWS = 20


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(epilog="Example: sablier classify c.sablier images/ -o classes/")(classify)
    app.command(epilog="Example: sablier attack c.sablier labelled/ --eps 8/255 --method apgd -n 200 -o attacked/")(attack)


@options.taking(reading=options.reading)
def classify(
    model: options.Model,
    source: options.Source,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="A folder for classes.csv, classes.json, unsure.png and, of labelled images, reliability.png."
        ),
    ] = Path("classes"),
    *,
    reading: dict[str, Any],
) -> None:
    """Tell the class of each image, with a probability that is as often right as it says.

    An image with a small p-value is unlike all that the classifier learnt from: none of these.
    """
    from sablier.report.words import TOO_FEW_FOR_NONE, counted
    from sablier.workflows.classify import classify as run

    with counting_progress("classifying") as on_progress:
        result = run(model, source, output, on_progress=on_progress, **reading)
    rows = [
        [
            row["id"],
            row["class"],
            f"{row['probability']:.1%}",
            row["next"],
            f"{row['next_probability']:.1%}",
            f"{row['p_value']:.3f}",
        ]
        for row in result.to_table()[:MOST_ROWS]
    ]
    table("", ["image", "class", "probability", "or", "", "p-value"], rows)
    if len(result) > MOST_ROWS:
        console.print(f"... and {len(result) - MOST_ROWS:,} more, listed in {output / 'classes.csv'}", markup=False)
    unlike = TOO_FEW_FOR_NONE if result.unlike is None else f"The p-value of {result.unlike.sum():,} says: none of the classes."
    console.print(f"{counted(len(result))}. {unlike}")
    if result.accuracy is not None:
        console.print(f"[bold]{result.accuracy:.2%}[/bold] told right; calibration error (ECE) {result.calibration_error():.2%}.")
    if result.labels is not None and result.unknown.any():
        names = ", ".join(sorted(set(result.labels[result.unknown].tolist()))[:5])
        text = f"{counted(int(result.unknown.sum()))} of classes that the model does not know ({names}) cannot be told right."
        console.print(text, markup=False)
    print_skipped(result.skipped, len(result.skipped), "listed in classes.json")
    reliable = "" if result.accuracy is None else f" And {output / 'reliability.png'}: whether it is right as often as it says."
    console.print(f"See {output / 'unsure.png'}: what it is least sure of.{reliable}", markup=False)


@options.taking(reading=options.reading)
def attack(
    model: options.Model,
    source: options.Source,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A folder for attack.csv, attack.json, attack.png and the images that fool.")
    ] = Path("attacked"),
    method: Annotated[
        str, typer.Option(help="fgsm, pgd, apgd, apgd-dlr, apgd-t, square (which sees no gradient), deepfool or standard.")
    ] = "apgd",
    eps: Annotated[
        str, typer.Option(help="How far an image may be moved: of the range from black to white, such as 8/255.")
    ] = "8/255",
    norm: Annotated[str, typer.Option(help="linf: eps bounds each value. l2: the root of the summed squared changes.")] = "linf",
    count: Annotated[int | None, typer.Option("--count", "-n", help="Attack only so many images, drawn evenly.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of an attack by gradients.")] = None,
    restarts: Annotated[int | None, typer.Option(help="Starts from other points, where an attack resists.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed attacks the same.", min=0)] = 0,
    *,
    reading: dict[str, Any],
) -> None:
    """Change images a little so that a classifier errs, and say how many it still tells right.

    Judged on 8-bit pixels, as a file would hold them.
    """
    from sablier.workflows.attack import attack as run

    settings = {name: value for name, value in {"steps": steps, "restarts": restarts}.items() if value is not None}
    with counting_progress("attacking") as on_progress:
        result = run(
            model, source, output, method=method, eps=options.number(eps), norm=norm, count=count, seed=seed, settings=settings,
            on_progress=on_progress, **reading,
        )  # fmt: skip
    console.print(
        f"[bold]{result.robust_accuracy:.1%}[/bold] of {len(result):,} images are told right under {method}, {norm} {eps}; "
        f"{result.accuracy:.1%} as they are."
    )
    for warning in result.warnings:
        console.print(f"Do not trust this: {warning}", markup=False)
    print_skipped(result.skipped, len(result.skipped), "listed in attack.json")
    console.print(f"See {output / 'attack.png'}: before, after, and what changed.", markup=False)
