"""classify, attack: the classes of images, and the accuracy of a classifier under adversarial attacks."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.panels import CLASSIFY, add_verb
from sablier.cli.progress import console, counting_progress, print_skipped, table

MOST_ROWS = 20


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    add_verb(app, classify, "classify c.sablier images/ -o classes/", panel=CLASSIFY)
    add_verb(app, attack, "attack c.sablier labelled/ --eps 8/255 --method apgd -n 200 -o attacked/", panel=CLASSIFY)


@options.taking(reading=options.reading)
def classify(
    model: options.Model,
    source: options.Source,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Folder for classes.csv, classes.json, unsure.png and, for labelled images, reliability.png.",
        ),
    ] = Path("classes"),
    *,
    reading: dict[str, Any],
) -> None:
    """Classify images, with calibrated probabilities.

    An image with a small p-value differs from all training images: it may belong to none of the classes.
    """
    from sablier.report.words import counted, none_note
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
    table("", ["image", "class", "probability", "second class", "its probability", "p-value"], rows)
    if len(result) > MOST_ROWS:
        console.print(f"... and {len(result) - MOST_ROWS:,} more, listed in {output / 'classes.csv'}", markup=False)
    console.print(f"{counted(len(result))}. {none_note(result.unlike)}")
    if result.accuracy is not None:
        console.print(f"[bold]{result.accuracy:.2%}[/bold] accuracy; calibration error (ECE) {result.calibration_error():.2%}.")
    if result.labels is not None and result.unknown.any():
        names = ", ".join(sorted(set(result.labels[result.unknown].tolist()))[:5])
        text = f"{counted(int(result.unknown.sum()))} of classes that the model does not know ({names}) count as misclassified."
        console.print(text, markup=False)
    print_skipped(result.skipped, len(result.skipped), "listed in classes.json")
    diagram = "" if result.accuracy is None else f", and {output / 'reliability.png'}: the reliability diagram"
    console.print(f"See {output / 'unsure.png'}: the least certain predictions{diagram}.", markup=False)


@options.taking(reading=options.reading)
def attack(
    model: options.Model,
    source: options.Source,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Folder for attack.csv, attack.json, attack.png and the misclassified images.",
        ),
    ] = Path("attacked"),
    method: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="fgsm, pgd, apgd, apgd-dlr, apgd-t, square (needs no gradient), deepfool or standard (several)."
        ),
    ] = "apgd",
    eps: Annotated[
        str, typer.Option(metavar="EPS", help="Largest change, as a share of the range from black to white, such as 8/255.")
    ] = "8/255",
    norm: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="linf: eps bounds the change of each value. l2: eps bounds the root of the summed squared changes.",
        ),
    ] = "linf",
    count: Annotated[int | None, typer.Option("--count", "-n", metavar="N", help="Attack only N images, an even sample.")] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", help="Steps of a gradient attack.")] = None,
    restarts: Annotated[
        int | None, typer.Option(metavar="N", help="Number of starting points tried on an image that resists.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", callback=options.within(0), help="The same seed gives the same attack.")] = 0,
    *,
    reading: dict[str, Any],
) -> None:
    """Attack a classifier with small changes of images (adversarial examples), and measure its accuracy.

    Accuracy is measured on 8-bit pixels, as a file would hold them.
    """
    from sablier.workflows.attack import attack as run

    settings = {name: value for name, value in {"steps": steps, "restarts": restarts}.items() if value is not None}
    with counting_progress("attacking") as on_progress:
        result = run(
            model, source, output, method=method, eps=options.number(eps), norm=norm, count=count, seed=seed, settings=settings,
            on_progress=on_progress, **reading,
        )  # fmt: skip
    console.print(
        f"Accuracy on {len(result):,} images: [bold]{result.robust_accuracy:.1%}[/bold] under {method}, {norm} {eps}; "
        f"{result.accuracy:.1%} without attack."
    )
    for warning in result.warnings:
        console.print(f"Do not trust this: {warning}", markup=False)
    print_skipped(result.skipped, len(result.skipped), "listed in attack.json")
    console.print(f"See {output / 'attack.png'}: each image, the attacked image and the change.", markup=False)
