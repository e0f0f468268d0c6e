"""What verbs print: a bar on a terminal, plain lines otherwise; tables; what was skipped."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console

from sablier.files.names import printable, printable_lines

if TYPE_CHECKING:
    from sablier.images.imageset import Skipped
    from sablier.training.loop import Progress

LINE_SECONDS = 2.0


class _PlainConsole(Console):
    """Prints control characters as text: names of files may hold what clears a terminal, or worse."""

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*(printable_lines(each) if isinstance(each, str) else each for each in objects), **options)


# No emoji: "digits:train:" would become a tram.
console = _PlainConsole(highlight=False, emoji=False)
aside = _PlainConsole(stderr=True, highlight=False, emoji=False)


class OnProgress(Protocol):
    """Takes the stage of the work and how far it is."""

    def __call__(self, stage: str, progress: "Progress") -> None: ...


@contextmanager
def training_progress() -> Iterator[OnProgress]:
    """Show training: a bar with the last losses on a terminal, otherwise the stage and a line every two seconds."""
    if not sys.stderr.isatty():
        yield _TrainingLines()
        return
    from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    with Bar(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}"), console=aside, transient=True,
    ) as bar:  # fmt: skip
        tasks: dict[str, TaskID] = {}

        def show(stage: str, progress: "Progress") -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=progress.total, losses="")
            bar.update(tasks[stage], completed=progress.done)
            if progress.row:
                bar.update(tasks[stage], losses=_losses(progress.row))

        yield show


class _TrainingLines:
    def __init__(self) -> None:
        self.spoke = time.monotonic()
        self.stage = ""

    def __call__(self, stage: str, progress: "Progress") -> None:
        if stage != self.stage:
            self.stage = stage
            print(f"{stage} ...", file=sys.stderr, flush=True)
        if not progress.row:
            return
        last = progress.done == progress.total
        if last or time.monotonic() - self.spoke > LINE_SECONDS:
            self.spoke = time.monotonic()
            share = progress.done / progress.total
            print(
                f"{stage}: epoch {progress.row['epoch']:.0f} ({share:.0%})  {_losses(progress.row)}", file=sys.stderr, flush=True
            )


def _losses(row: Mapping[str, float]) -> str:
    """Return the losses of a row, that of the one player first, or those of several."""
    shown = {name.removesuffix("_loss"): value for name, value in row.items() if name.endswith("loss")}
    return "  ".join(f"{name} {value:.4f}" for name, value in shown.items())


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
