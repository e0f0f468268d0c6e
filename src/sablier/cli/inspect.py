"""info, doctor: what a model file is, and what this machine can do."""

from pathlib import Path
from typing import Annotated

import typer

from sablier.cli.panels import MODELS, add_verb
from sablier.cli.progress import console, table


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    add_verb(app, info, "info part.sablier", panel=MODELS)
    add_verb(app, doctor, "doctor", panel=MODELS)


def info(
    file: Annotated[
        Path, typer.Argument(help="A .sablier model file, or a .sabz file of compressed images.", show_default=False)
    ],
) -> None:
    """Show what a model file holds: layers, training data and guarantee. Also shows what a .sabz file holds."""
    from sablier.workflows.compress import is_container

    if is_container(file):
        return _info_of_container(file)
    from sablier.workflows.info import describe_model

    facts, layers, promises = describe_model(file)
    table("", ["fact", "value"], [[name, value] for name, value in facts.items()], numbers=False)
    if layers:
        table("layers", ["layer", "kind", "output", "parameters"], [[*row[:3], f"{row[3]:,}"] for row in layers])
    for promise in promises:
        console.print(promise)
    return None


def _info_of_container(file: Path) -> None:
    """Show what a .sabz file holds; exit 2 where some of it is damaged."""
    from sablier.workflows.info import describe_container

    facts, damage = describe_container(file)
    table("", ["fact", "value"], [[name, value] for name, value in facts.items()], numbers=False)
    for line in damage:
        console.print(f"damaged: {line}", markup=False)
    if damage:
        raise typer.Exit(2)


def doctor() -> None:
    """Check this machine: versions, processor, speed of arithmetic, data sets."""
    from sablier.workflows.info import examine_machine

    findings = examine_machine()
    table("", ["check", "finding"], [[name, finding] for name, finding in findings.items()], numbers=False)
