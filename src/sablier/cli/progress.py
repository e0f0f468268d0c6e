"""What verbs print: a bar on a terminal, plain lines otherwise; tables; what was skipped."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console

from sablier.files.names import printable, printable_lines

if TYPE_CHECKING:
    from sablier.images.imageset import Skipped


class _PlainConsole(Console):
    """Prints control characters as text: names of files may hold what clears a terminal, or worse."""

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*(printable_lines(each) if isinstance(each, str) else each for each in objects), **options)


# No emoji: "digits:train:" would become a tram.
console = _PlainConsole(highlight=False, emoji=False)
aside = _PlainConsole(stderr=True, highlight=False, emoji=False)


@contextmanager
def counting_progress(what: str) -> Iterator[Callable[[int], None]]:
    """Show a growing count of images."""
    with aside.status(f"{what} ...") as status:
        yield lambda count: status.update(f"{what}: {count:,} images")


@contextmanager
def steps_progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show which step comes next and how many are done of how many: a bar on a terminal, a line a step otherwise."""
    if not sys.stderr.isatty():
        yield lambda what, done, total: print(f"{done + 1} of {total}: {what}", file=sys.stderr, flush=True) if what else None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=aside, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total)


def table(title: str, columns: list[str], rows: list[list[str]], numbers: bool = True) -> None:
    """Print a table; where it holds numbers, every column but the first is aligned to the right."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(title=printable(title) or None, title_justify="left", header_style="bold")
    for index, column in enumerate(columns):
        drawn.add_column(printable(column), justify="right" if numbers and index else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(printable(cell)) for cell in row))  # as it is: "[label=3]" is no markup
    console.print(drawn)


def print_skipped(skipped: Sequence["Skipped"], count: int, others: str) -> None:
    """List the first images that could not be read, and count the others."""
    for item in skipped[:10]:
        console.print(f"skipped {item.id}: {item.reason}", markup=False)
    if count > 10:
        console.print(f"... and {count - 10} more, {others}")
