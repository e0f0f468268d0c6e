"""The workflow `watch`: scores image files as they arrive in a folder, each exactly once, even if the process is killed."""

import hashlib
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sablier.calibration import checked_alpha, checked_reject_alpha
from sablier.errors import ConfigError, ImagesError
from sablier.files.locking import locked
from sablier.modelfile import ModelFile
from sablier.tasks.detection.detect import Detector
from sablier.tasks.known_part import recognizer_of
from sablier.workflows.arrivals import Arrivals
from sablier.workflows.likeness import check_likeness
from sablier.workflows.outputs import check_apart
from sablier.workflows.record import Record
from sablier.workflows.stream_flags import StreamFlags
from sablier.workflows.watcher import COLUMNS, Watcher, WatchSummary

HEARD_SECONDS = 0.1  # a request to stop is noticed within this time
MODEL_DIGITS = 12

OnStart = Callable[[WatchSummary], None]
OnRows = Callable[[Sequence[Mapping[str, Any]], WatchSummary], None]


def watch(
    model: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    alpha: float = 0.05,
    reject_alpha: float | None = None,
    fdr: float | None = None,
    window_size: int = 1000,
    every_seconds: float = 2.0,
    once: bool = False,
    strict: bool = False,
    backbone: str | os.PathLike[str] | None = None,
    on_start: OnStart = lambda summary: None,
    on_rows: OnRows = lambda rows, summary: None,
    stopped: Callable[[], bool] = lambda: False,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> WatchSummary:
    """Score image files as they arrive in a folder, until stopped.

    A file is read once its size and time are the same in two scans, tried five times, and scored again only if they change.

    Args:
        model: a .sablier file of a detector.
        folder, output: where images arrive, also in subfolders; and where watch.csv and the maps/ of flagged images go.
        alpha: the false-alarm rate.
        reject_alpha: a smaller one, for a triage: verdicts are then "reject" up to it, "review" up to `alpha`, else "pass".
        fdr: in place of `alpha`, the false-discovery rate in each window; an image that is flagged later has a second row.
        window_size: the number of images of a window.
        every_seconds: the pause between two scans.
        once: stop when nothing is left to score; files that are still being written are left for the next run.
        strict: refuse a folder whose first images do not resemble the training images.
        backbone: the file of the feature network that it was trained with, if it was the user's own; it is run.
        on_start, on_rows: called before the first scan, and with the rows of each batch once they are on the disk.
        stopped: called often; if true, the watch ends after the present batch.
        sleep, now: the clock.

    Raises:
        ConfigError: if a value is out of range. ImagesError: if the folder is missing or can no longer be read.
        ModelFileError: if the model has another task. BackboneError: if the backbone is missing, another, or not needed.
        OutputError: if the output cannot be written, is among the images or in use; or watch.csv is another kind of record.
    """
    watched, written = Path(folder).expanduser(), Path(output)
    _check(alpha, reject_alpha, fdr, every_seconds, watched)
    check_apart(watched, written)
    file, digest = ModelFile.load(Path(model)), hashlib.sha256(Path(model).read_bytes()).hexdigest()
    detector, recognizer = Detector.from_file(file, backbone, scores=True), recognizer_of(file)
    flags = None if fdr is None else StreamFlags(detector.calibration, fdr, window_size)
    with locked(written), closing(Record(written / "watch.csv", COLUMNS)) as record:
        rates = {"alpha": alpha, "reject_alpha": reject_alpha}
        watcher = Watcher(detector, recognizer, digest[:MODEL_DIGITS], Arrivals(watched), record, written, rates, flags, now)
        watcher.on_first = partial(check_likeness, file, strict=strict)
        on_start(watcher.summary())
        while not stopped():
            _look(watcher, on_rows, stopped)
            if once and not watcher.arrivals.worth_another_look:
                break
            _pause(every_seconds, stopped, sleep)
        return watcher.summary()


def _look(watcher: Watcher, on_rows: OnRows, stopped: Callable[[], bool]) -> None:
    """Scan the folder once, and pass the rows of each batch on."""
    for rows in watcher.look():
        on_rows(rows, watcher.summary())
        if stopped():
            break


def _check(alpha: float, reject_alpha: float | None, fdr: float | None, every_seconds: float, watched: Path) -> None:
    """Raise ConfigError for a wrong rate or pause, ImagesError if there is no such folder."""
    checked_alpha(alpha)
    if reject_alpha is not None:
        checked_reject_alpha(reject_alpha, alpha)
        if fdr is not None:
            raise ConfigError("expected a false-discovery rate or a triage by two false-alarm rates, got both.")
    if not 0 < every_seconds < math.inf:
        raise ConfigError(f"expected a pause between looks of more than 0 seconds, such as 2, got {every_seconds}.")
    if not watched.is_dir():
        came = "a file" if watched.exists() else "nothing of that name"
        raise ImagesError(f"{watched}: expected a folder to watch, got {came}. Name a folder, or make it first.")


def _pause(seconds: float, stopped: Callable[[], bool], sleep: Callable[[float], None]) -> None:
    """Wait between two scans; notice a request to stop within `HEARD_SECONDS`."""
    left = seconds
    while left > 0 and not stopped():
        sleep(min(left, HEARD_SECONDS))
        left -= HEARD_SECONDS
