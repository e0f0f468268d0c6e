"""watch: score images as they arrive."""

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sablier.cli import options
from sablier.cli.panels import DETECT, add_verb
from sablier.cli.progress import console, counting_progress

if TYPE_CHECKING:
    from sablier.workflows.watcher import WatchSummary


FDR_HELP = (
    "In place of --alpha, the false-discovery rate: at most this share of the flagged images of a window is good, on average."
)
WINDOW_HELP = "With --fdr, the number of images of a window." + options.default(1000)


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    add_verb(app, watch, "watch part.sablier incoming/ -o out/", panel=DETECT)


def watch(
    model: options.Model,
    folder: Annotated[Path, typer.Argument(help="The folder where images, or subfolders of images, arrive.", show_default=False)],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Another folder, for watch.csv and the anomaly maps of flagged images."
        ),
    ] = Path("watched"),
    alpha: Annotated[float | None, typer.Option(help=options.ALPHA_HELP + options.default(0.05), metavar="RATE")] = None,
    fdr: Annotated[float | None, typer.Option(metavar="RATE", help=FDR_HELP)] = None,
    window: Annotated[int | None, typer.Option(metavar="IMAGES", help=WINDOW_HELP)] = None,
    reject_alpha: options.RejectAlpha = None,
    review_alpha: options.ReviewAlpha = None,
    every: Annotated[float, typer.Option(metavar="SECONDS", help="Seconds between two scans of the folder.")] = 2.0,
    backbone: options.Backbone = None,
    once: Annotated[bool, typer.Option("--once", help="Stop when all images that have arrived are scored.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop if the first images do not resemble the training images.")
    ] = False,
) -> None:
    """Score image files as they arrive in a folder, each one once.

    A file is read when two scans find it unchanged: a file that is still being written is left alone.

    A file that cannot be decoded is retried a few times, then recorded as unreadable.

    Each verdict is written to watch.csv at once. A later run continues where that file ends, also after a power cut.

    A file replaced under the same name (with another size or time of change) is a new image.

    A drift alarm is printed, and noted in watch.csv, with what changed, when images no longer resemble those of calibration.

    With --fdr, later images can turn an earlier one into an anomaly until its window is full. It is then printed, and gets a
    second row in watch.csv.

    Ctrl-C stops it, with exit code 0.
    """
    from sablier.workflows.watch import watch as run

    rates = options.rates(alpha, fdr, reject_alpha, review_alpha) | window_size(window, fdr)
    with counting_progress("watching") as on_progress, stop_signals() as stopped:

        def started(summary: "WatchSummary") -> None:
            before = f", continuing after the {summary.recorded:,} images in {output / 'watch.csv'}" if summary.recorded else ""
            console.print(f"Watching {folder}{before}. Ctrl-C stops it.", markup=False, soft_wrap=True)
            console.print(summary.promise, soft_wrap=True)

        def judged(rows: Sequence[Mapping[str, Any]], summary: "WatchSummary") -> None:
            for line in (line for row in rows for line in lines_of(row, output)):
                console.print(line, markup=False, soft_wrap=True)
            on_progress(summary.recorded)

        summary = run(
            model, folder, output, **rates, every_seconds=every, once=once, strict=strict, backbone=backbone,
            on_start=started, on_rows=judged, stopped=stopped,
        )  # fmt: skip
    console.print(in_words(summary, output / "watch.csv"), markup=False, soft_wrap=True)


def window_size(window: int | None, fdr: float | None) -> dict[str, int]:
    """Return the size of a window as the workflow takes it, if one is given."""
    if window is None:
        return {}
    if fdr is None:
        raise typer.BadParameter("expected --fdr as well: only its verdicts have windows.", param_hint="--window")
    return {"window_size": window}


def lines_of(row: Mapping[str, Any], output: Path) -> Iterator[str]:
    """Yield what is printed of an image: nothing for a normal one, unless it sets off the drift alarm."""
    from sablier.calibration import ANOMALY, FLAGGING
    from sablier.report.words import VERDICTS
    from sablier.workflows.stream_flags import FLAGGED_LATER
    from sablier.workflows.watcher import UNREADABLE

    if row["verdict"] in FLAGGING:
        verdict = f"{VERDICTS[row['verdict']]}, " if row["verdict"] != ANOMALY else ""
        see = f", see {output / row['map']}" if row.get("map") else ""
        later = f", {FLAGGED_LATER}" if row.get("note") == FLAGGED_LATER else ""
        numbers = f"score {float(row['score']):.2f}, p {float(row['p_value']):.2g}"
        yield f"{row['time']} {row['id']}: {verdict}{numbers}{later}{see}"
    if row["verdict"] == UNREADABLE:
        yield f"{row['time']} {row['id']}: unreadable. {row['note']}"
    elif row.get("note") not in (None, "", FLAGGED_LATER):
        yield f"{row['time']} {row['note']}"


def in_words(summary: "WatchSummary", record: Path) -> str:
    """Return what a run did, in a line."""
    waiting = f" {summary.waiting} files were still changing; the next run reads them." if summary.waiting else ""
    return (
        f"{summary.judged:,} images scored: {summary.flagged:,} flagged; {summary.unreadable:,} unreadable.{waiting} "
        f"{summary.window}{' ' if summary.window else ''}See {record} ({summary.recorded:,} images in all)."
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
