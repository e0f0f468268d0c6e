"""What the lessons of the course print: the tables of their page, and the paragraphs that explain them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sablier.cli.progress import console, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sablier.report.sections import SectionPage

Language = Annotated[str, typer.Option("--lang", help="Language of the page: en or fr.", metavar="LANGUAGE")]
Notebook = Annotated[bool, typer.Option("--notebook", help='Write the lesson as a notebook, too. It takes the extra "course".')]


def print_page(page: "SectionPage", files: "Iterable[Path]") -> None:
    """Print the tables and the spoken paragraphs of a lesson's page, and where the page is."""
    from sablier.report.sections import Table, Text

    console.print(page.headline, markup=False)
    for section in page.sections:
        for block in section.blocks:
            if isinstance(block, Table):
                table(block.caption or section.title, list(block.columns), [list(row) for row in block.rows], block.numbers)
            elif isinstance(block, Text) and block.spoken:
                console.print(block.text.replace("`", ""), markup=False)
    console.print(f"See {', '.join(map(str, files))}", markup=False)
