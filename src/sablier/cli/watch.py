"""watch: a detector that waits for images."""

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.progress import console, counting_progress

if TYPE_CHECKING:
    from sablier.workflows.watch import WatchSummary


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog="Example: sablier watch part.sablier incoming/ -o out/")(watch)


def watch(
    model: options.Model,
    folder: Annotated[Path, typer.Argument(help="The folder where images arrive, or folders of them.", show_default=False)],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A folder apart from it, for watch.csv and the heatmaps of flagged images.")
    ] = Path("watched"),
    alpha: options.Alpha = 0.05,
    every: Annotated[float, typer.Option(help="Seconds between two looks into the folder.")] = 2.0,
    backbone: options.Backbone = None,
    once: Annotated[bool, typer.Option("--once", help="End when all that has arrived is judged.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop where the first images do not look like those that the model learnt from.")
    ] = False,
) -> None:
    """Judge image files as they arrive in a folder, each one once.

    A file is read when two looks found it unchanged, so one that is still being written is left alone; one that cannot be
    decoded is tried again a few times, then recorded as unreadable. Every verdict is in watch.csv at once. Started again,
    also after a power cut, it goes on where that file ends. A file replaced by another of the same name (its size or
    time of change differs) is a new image. An alarm is printed and noted in watch.csv when p-values say that the images
    are no longer like those calibrated on.

    Ctrl-C ends it, with exit code 0.
    """
    from sablier.workflows.watch import watch as run

    with counting_progress("watching") as on_progress, stop_signals() as stopped:

        def started(summary: "WatchSummary") -> None:
            before = f", going on after the {summary.recorded:,} images in {output / 'watch.csv'}" if summary.recorded else ""
            console.print(f"Watching {folder}{before}. Ctrl-C ends it.", markup=False, soft_wrap=True)
            console.print(summary.promise, soft_wrap=True)

        def judged(rows: Sequence[Mapping[str, Any]], summary: "WatchSummary") -> None:
            for line in (line for row in rows for line in lines_of(row, output)):
                console.print(line, markup=False, soft_wrap=True)
            on_progress(summary.recorded)

        summary = run(
            model, folder, output, alpha=alpha, every_seconds=every, once=once, strict=strict, backbone=backbone,
            on_start=started, on_rows=judged, stopped=stopped,
        )  # fmt: skip
    console.print(in_words(summary, output / "watch.csv"), markup=False, soft_wrap=True)


def lines_of(row: Mapping[str, Any], output: Path) -> Iterator[str]:
    """Yield what is printed of an image: nothing for a normal one, unless the drift alarm goes at it."""
    from sablier.calibration import ANOMALY
    from sablier.workflows.watch import UNREADABLE

    if row["verdict"] == ANOMALY:
        yield f"{row['time']} {row['id']}: score {row['score']:.2f}, p {row['p_value']:.2g}, see {output / row['heatmap']}"
    if row["verdict"] == UNREADABLE:
        yield f"{row['time']} {row['id']}: unreadable. {row['note']}"
    elif row["note"]:
        yield f"{row['time']} {row['note']}"


def in_words(summary: "WatchSummary", record: Path) -> str:
    """Return what a run did, in a line."""
    waiting = f" {summary.waiting} files were not at rest yet; the next run takes them." if summary.waiting else ""
    return (
        f"{summary.judged:,} images judged: {summary.flagged:,} flagged; {summary.unreadable:,} unreadable.{waiting} "
        f"See {record}, {summary.recorded:,} images in all."
    )


@contextmanager
def stop_signals() -> Iterator[Callable[[], bool]]:
    """Yield whether Ctrl-C or a polite kill has asked to stop; the second Ctrl-C stops at once."""
    asked = False
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        restore()

    for number in before:
        signal.signal(number, ask)
    try:
        yield lambda: asked
    finally:
        restore()
