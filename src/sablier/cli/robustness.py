"""robustness: the accuracy of a classifier under natural corruptions and attacks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.panels import CLASSIFY, add_verb
from sablier.cli.progress import console, print_skipped, steps_progress, table

if TYPE_CHECKING:
    from sablier.tasks.classification.robustness import RobustnessResult


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    add_verb(app, robustness, "robustness c.sablier labelled/ -o robustness/ --kinds mnist-c --severities 1,3,5", panel=CLASSIFY)


@options.taking(reading=options.reading)
def robustness(
    model: options.Model,
    source: options.Source,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Folder for robustness.csv, .json, .png and .html, and corruptions.png."
        ),
    ] = Path("robustness"),
    kinds: Annotated[
        str,
        typer.Option(metavar="NAMES", help="Corruptions: all, mnist-c, cifar-10-c, none, or names such as fog,motion-blur."),
    ] = "all",
    severities: Annotated[str, typer.Option(metavar="NUMBERS", help="Severities from 1 to 5.")] = "1,2,3,4,5",
    attacks: Annotated[
        str,
        typer.Option(metavar="NAMES", help="Attacks, as for the verb attack, or none. standard: several attacks in turn."),
    ] = "fgsm,apgd,standard",
    eps: Annotated[
        str,
        typer.Option(metavar="EPS", help="Largest change of a value by an attack, as a share of the range from black to white."),
    ] = "8/255",
    count: Annotated[
        int, typer.Option("--count", "-n", metavar="N", help="Measure on N images, an even sample; 0: on all.")
    ] = 1000,
    seed: Annotated[
        int, typer.Option(metavar="N", callback=options.within(0), help="The same seed gives the same corruptions.")
    ] = 0,
    *,
    reading: dict[str, Any],
) -> None:
    """Measure the accuracy of a classifier under natural corruptions (noise, blur, fog, rotation ...) and attacks.

    There are 27 kinds of corruption at five severities. The page shows a table, and an example of each corruption.
    """
    from sablier.workflows.robustness import robustness as run

    with steps_progress() as on_progress:
        result = run(
            model, source, output, kinds=_names(kinds), severities=_severities(severities), attacks=_names(attacks),
            eps=options.number(eps), count=count or None, seed=seed, on_progress=on_progress, **reading,
        )  # fmt: skip
    _print(result)
    print_skipped(result.skipped, len(result.skipped), "listed in robustness.json")
    console.print(f"See {output / 'robustness.html'}, and {output / 'robustness.csv'} for every number.", markup=False)


def _print(result: "RobustnessResult") -> None:
    """Print accuracies in percent, kinds by severities, then attacks, then the means."""
    if result.kinds:
        rows = [
            [kind, *(f"{100 * right / result.images:.1f}" for right in [*numbers, sum(numbers) / len(numbers)])]
            for kind, numbers in zip(result.kinds, result.corrupted.tolist(), strict=True)
        ]
        table("", ["accuracy in % at severity", *map(str, result.severities), "mean"], rows)
    if result.attacks:
        rows = [[each.attack, each.perturbation_set, f"{100 * each.right / result.images:.1f}"] for each in result.attacks]
        table("", ["attack", "perturbation set", "accuracy in %"], rows)
    mean = result.corruption_accuracy
    console.print(f"Accuracy on {result.images:,} images: [bold]{result.accuracy:.1%}[/bold].")
    if mean is not None:
        relative = result.relative(mean * result.images)
        share = "" if relative is None else f", {relative:.0%} of that without corruption"
        console.print(f"Mean accuracy under corruption, over kinds and severities: [bold]{mean:.1%}[/bold]{share}.")
    worst = result.worst_attack
    for warning in worst.warnings if worst else ():
        console.print(f"Do not trust {worst.attack if worst else ''}: {warning}", markup=False)


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    return [] if names == ["none"] else names


def _severities(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"expected severities such as 1,3,5, got {text!r}.", param_hint="--severities") from None
