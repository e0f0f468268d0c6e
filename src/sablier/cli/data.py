"""data: named data sets, and previews of any source of images."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.panels import MODELS, Group, add_verb
from sablier.cli.progress import console, table


def add_to(app: typer.Typer) -> None:
    """Add the verb group."""
    group = typer.Typer(cls=Group, no_args_is_help=True, help="List or fetch named data sets; preview any source of images.")
    add_verb(group, list_sets, "data list", name="list")
    add_verb(group, get, "data get mnist")
    add_verb(group, preview, "data preview good/ -o sheet.png")
    app.add_typer(group, name="data", rich_help_panel=MODELS)


def list_sets() -> None:
    """List the named data sets and where they are."""
    from sablier.images.datasets import list_datasets

    rows = [
        [item.name, item.summary, item.where or ("can be fetched" if item.fetchable else "not here")] for item in list_datasets()
    ]
    table("", ["name", "content", "location"], rows, numbers=False)


def get(name: Annotated[str, typer.Argument(help="The name of a data set.", show_default=False)]) -> None:
    """Fetch a named data set if it is not here yet, verify it, and print what it holds."""
    from sablier.images.datasets import load_dataset

    for split in ("train", "test"):
        images = load_dataset(name, split)
        console.print(f"{name}:{split}: {images!r}", markup=False)


@options.taking(reading=options.reading)
def preview(
    source: options.Source,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The PNG file to write.")] = Path("preview.png"),
    count: Annotated[
        int, typer.Option(metavar="N", callback=options.within(1, 400), help="Number of images to show, from 1 to 400.")
    ] = 64,
    groups: options.Groups = None,
    *,
    reading: dict[str, Any],
) -> None:
    """Write a sheet of images, an even sample of a source; print what the source holds and how many images repeat others."""
    from sablier.workflows.preview import preview as run

    images, facts = run(source, output, count, groups=groups, **reading)
    table("", ["fact", "value"], [[name, value] for name, value in facts.items()], numbers=False)
    console.print(f"See {output}: {len(images)} of the images.", markup=False)
