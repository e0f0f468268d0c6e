"""info, doctor: what a model file is, and what this machine can do."""

import typer

from sablier.cli import options
from sablier.cli.progress import console, table


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(epilog="Example: sablier info part.sablier")(info)
    app.command(epilog="Example: sablier doctor")(doctor)


def info(model: options.Model) -> None:
    """Show what a model file is: its layers, what it was trained on, and its promise."""
    from sablier.workflows.info import describe_model

    facts, layers, promises = describe_model(model)
    table("", ["fact", "value"], [[name, value] for name, value in facts.items()], numbers=False)
    if layers:
        table("layers", ["layer", "kind", "output", "parameters"], [[*row[:3], f"{row[3]:,}"] for row in layers])
    for promise in promises:
        console.print(promise)


def doctor() -> None:
    """Check this machine: versions, processor, arithmetic, data sets."""
    from sablier.workflows.info import examine_machine

    findings = examine_machine()
    table("", ["check", "finding"], [[name, finding] for name, finding in findings.items()], numbers=False)
