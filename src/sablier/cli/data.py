"""data: the named sets, and a look at any source."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.progress import console, table


def add_to(app: typer.Typer) -> None:
    """Add the verb group."""
    group = typer.Typer(no_args_is_help=True, help="Named data sets, and a look at any source of images.")
    group.command("list", epilog="Example: sablier data list")(list_sets)
    group.command(epilog="Example: sablier data get mnist")(get)
    group.command(epilog="Example: sablier data preview good/ -o sheet.png")(preview)
    app.add_typer(group, name="data")


def list_sets() -> None:
    """List the named sets and where they are."""
    from sablier.images.datasets import list_datasets

    rows = [
        [item.name, item.summary, item.where or ("can be fetched" if item.fetchable else "not here")] for item in list_datasets()
    ]
    table("", ["name", "what", "where"], rows, numbers=False)


def get(name: Annotated[str, typer.Argument(help="The name of a set.", show_default=False)]) -> None:
    """Fetch a named set where it is not here yet, check it, and say what it holds."""
    from sablier.images.datasets import load_dataset

    for split in ("train", "test"):
        images = load_dataset(name, split)
        console.print(f"{name}:{split}: {images!r}", markup=False)


@options.taking(reading=options.reading)
def preview(
    source: options.Source,
    output: Annotated[Path, typer.Option("--output", "-o", help="The PNG to write.")] = Path("preview.png"),
    count: Annotated[int, typer.Option(help="How many images to show.", min=1, max=400)] = 64,
    groups: options.Groups = None,
    *,
    reading: dict[str, Any],
) -> None:
    """Draw a sheet of images drawn evenly from a source, and say what it holds, and which images repeat each other."""
    from sablier.workflows.preview import preview as run

    images, facts = run(source, output, count, groups=groups, **reading)
    table("", ["fact", "value"], [[name, value] for name, value in facts.items()], numbers=False)
    console.print(f"See {output}: {len(images)} of them.", markup=False)
