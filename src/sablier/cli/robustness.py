"""robustness: what a classifier loses under natural corruptions and under attacks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.progress import console, print_skipped, steps_progress, table

if TYPE_CHECKING:
    from sablier.tasks.classification.robustness import RobustnessResult


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog="Example: sablier robustness c.sablier labelled/ -o robustness/ --kinds mnist-c --severities 1,3,5")(
        robustness
    )


@options.taking(reading=options.reading)
def robustness(
    model: options.Model,
    source: options.Source,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A folder for robustness.csv, .json, .png and .html, and corruptions.png.")
    ] = Path("robustness"),
    kinds: Annotated[
        str, typer.Option(help="Corruptions: all, mnist-c, cifar-10-c, none, or names such as fog,motion-blur.")
    ] = "all",
    severities: Annotated[str, typer.Option(help="From 1 to 5.")] = "1,2,3,4,5",
    attacks: Annotated[
        str,
        typer.Option(help="Attacks, as for the verb attack, or none. standard: several in turn, the strongest of them."),
    ] = "fgsm,apgd,standard",
    eps: Annotated[
        str, typer.Option(help="How far an attack may move each value: of the range from black to white, such as 8/255.")
    ] = "8/255",
    count: Annotated[int, typer.Option("--count", "-n", help="Measure on so many images, drawn evenly; 0: on all.")] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed damages the same.", min=0)] = 0,
    *,
    reading: dict[str, Any],
) -> None:
    """Say how many labelled images a classifier still tells right when they are noisy, blurred, foggy, turned or attacked.

    27 kinds of corruption at five severities; a table first, then pictures of what each does to an image.
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
        table("", ["told right, %, at severity", *map(str, result.severities), "mean"], rows)
    if result.attacks:
        rows = [[each.attack, each.ball, f"{100 * each.right / result.images:.1f}"] for each in result.attacks]
        table("", ["told right, %, under", "within", ""], rows)
    mean = result.corruption_accuracy
    console.print(f"[bold]{result.accuracy:.1%}[/bold] of {result.images:,} images are told right as they are.")
    if mean is not None:
        relative = result.relative(mean * result.images)
        share = "" if relative is None else f", {relative:.0%} of that"
        console.print(f"[bold]{mean:.1%}[/bold] under corruption, the mean over kinds and severities{share}.")
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
