"""The workflow `watch`: scores image files as they arrive in a folder, each exactly once, even if the process is killed.

The record is one CSV. Rows are appended a batch at a time and forced onto the disk. A watcher reads its whole state from the
record, so there is no second file that could disagree. A kill loses at most the present batch, which is scored again; an
incomplete row is removed first. Memory holds one batch of images, and about 200 bytes for each recorded file.
"""

import hashlib
import math
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from sablier.calibration import FLAGGING, checked_alpha, checked_reject_alpha, is_flagged
from sablier.errors import ConfigError, ImagesError, OutputError
from sablier.files.locking import locked
from sablier.files.names import printable
from sablier.images.chunks import chunk_for
from sablier.images.decoding import Decoder, Entry, image_chunks, read_header
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.monitoring import DriftAlarm
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.result import BASELINES, DetectionResult
from sablier.tasks.detection.summary import independent
from sablier.tasks.known_images import Recognizer
from sablier.tasks.known_part import recognizer_of
from sablier.typing import Array
from sablier.workflows.arrivals import Arrival, Arrivals, identity
from sablier.workflows.likeness import check_likeness
from sablier.workflows.outputs import check_apart
from sablier.workflows.picture_names import MAPS, map_name
from sablier.workflows.record import Record

Row = dict[str, Any]

UNREADABLE = "unreadable"
COLUMNS = (
    *("id", "score", "p_value", "verdict", "label"),
    *(f"{name}_{what}" for name in BASELINES for what in ("score", "p_value")),
    *("member", "frame", "known", "repeats"),
    *("time", "size_bytes", "modified_ns", "model", "map", "note"),
)
MOST_AT_ONCE = 64  # few, since verdicts must not wait
HEARD_SECONDS = 0.1  # a request to stop is noticed within this time
LONGEST_NOTE = 500
ROWS_AT_ONCE = 4096  # rows of the record that are read at once
MODEL_DIGITS = 12


@dataclass(frozen=True)
class WatchSummary:
    """What a watcher has done.

    Args:
        recorded: rows in the record, with those of earlier runs.
        judged, flagged, unreadable: images of this run.
        waiting: files that are still being written, or will be tried again.
        promise: the guarantee at the false-alarm rate, in words.
        drift: the message of the drift alarm, if it went off in this run; else "".
    """

    recorded: int
    judged: int
    flagged: int
    unreadable: int
    waiting: int
    promise: str
    drift: str


OnStart = Callable[[WatchSummary], None]
OnRows = Callable[[Sequence[Mapping[str, Any]], WatchSummary], None]


def watch(
    model: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    alpha: float = 0.05,
    reject_alpha: float | None = None,
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

    A file is read once its size and modification time are the same in two scans. After five failed attempts to decode it, it
    is recorded as unreadable. A recorded file is scored again only if its size or time changes.

    Args:
        model: a .sablier file of a detector.
        folder: where images arrive, also in its subfolders.
        output: a separate folder, for watch.csv and the maps/ of flagged images.
        alpha: the false-alarm rate.
        reject_alpha: a smaller one, for a triage: verdicts are then "reject" up to it, "review" up to `alpha`, else "pass".
        every_seconds: the pause between two scans.
        once: stop when nothing is left to score; files that are still being written are left for the next run.
        strict: refuse a folder whose first images do not resemble the training images.
        backbone: the file of the user's feature network that the model was trained with, if any; it is run.
        on_start, on_rows: called before the first scan, and with the rows of each batch once they are on the disk.
        stopped: called often; if true, the watch ends after the present batch.
        sleep, now: the clock.

    Raises:
        ConfigError: if a rate or the pause is out of range. ImagesError: if the folder is missing or can no longer be read.
        ModelFileError: if the model has another task. BackboneError: if the backbone is missing, another, or not needed.
        OutputError: if the output cannot be written, is among the images, or is in use; or watch.csv is no such record.
    """
    watched, written = Path(folder).expanduser(), Path(output)
    _check(alpha, reject_alpha, every_seconds, watched)
    check_apart(watched, written)
    file, digest = ModelFile.load(Path(model)), hashlib.sha256(Path(model).read_bytes()).hexdigest()
    detector, recognizer = Detector.from_file(file, backbone, scores=True), recognizer_of(file)
    with locked(written), closing(Record(written / "watch.csv", COLUMNS)) as record:
        rates = {"alpha": alpha, "reject_alpha": reject_alpha}
        watcher = Watcher(detector, recognizer, digest[:MODEL_DIGITS], Arrivals(watched), record, written, rates, now)
        watcher.on_first = partial(check_likeness, file, strict=strict)
        on_start(watcher.summary())
        while not stopped():
            for rows in watcher.look():
                on_rows(rows, watcher.summary())
                if stopped():
                    break
            if once and not watcher.arrivals.worth_another_look:
                break
            _pause(every_seconds, stopped, sleep)
        return watcher.summary()


def _check(alpha: float, reject_alpha: float | None, every_seconds: float, watched: Path) -> None:
    """Raise ConfigError for a wrong rate or pause, ImagesError if there is no such folder."""
    checked_alpha(alpha)
    if reject_alpha is not None:
        checked_reject_alpha(reject_alpha, alpha)
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


class Watcher:
    """Scores new files and records them; its state is that of the record.

    Args:
        detector: scores the images.
        recognizer: recognises images that the model knows, and repeats among the last 1,000 of this run.
        model: a name for the detector that changes with its file.
        arrivals, record: where files come from and rows go to. The record is read here.
        output: the folder of maps/.
        rates: `alpha` and `reject_alpha`, as `Detector.detect` takes them.
        now: the clock.

    Raises:
        OutputError: if the record is not one of these.
    """

    def __init__(
        self, detector: Detector, recognizer: Recognizer, model: str, arrivals: Arrivals, record: Record, output: Path,
        rates: Mapping[str, Any], now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self.detector, self.recognizer, self.model, self.rates = detector, recognizer, model, rates
        self.arrivals, self.record, self.output, self.now = arrivals, record, output, now
        self.on_first: Callable[[ImageSet], None] | None = None  # checks the first images before they are scored
        rule = detector.preprocess
        self.at_once = chunk_for(rule, least=1, most=MOST_AT_ONCE)
        self.judged = self.flagged = self.unreadable = self.recorded = 0
        self.alarm, self.drift = DriftAlarm.of(detector.calibration), ""
        rows = record.read()
        while block := list(islice(rows, ROWS_AT_ONCE)):
            self._recall(block)

    def look(self) -> Iterator[Sequence[Row]]:
        """Scan the folder once; yield the rows of each batch when they are recorded."""
        due = self.arrivals.look()
        for start in range(0, len(due), self.at_once):
            judged = self._judge(due[start : start + self.at_once])
            rows = [row for _, row in judged]
            if not rows:
                continue
            self.record.append(rows)
            for arrival, row in judged:
                self.arrivals.settle(arrival)
                self.judged += row["verdict"] != UNREADABLE
                self.flagged += row["verdict"] in FLAGGING
                self.unreadable += row["verdict"] == UNREADABLE
            self.recorded += len(rows)
            yield rows

    def summary(self) -> WatchSummary:
        """Return what was done so far."""
        return WatchSummary(
            recorded=self.recorded,
            judged=self.judged,
            flagged=self.flagged,
            unreadable=self.unreadable,
            waiting=len(self.arrivals.waiting),
            promise=self.detector.promise(**self.rates),
            drift=self.drift,
        )

    def _recall(self, rows: Sequence[Mapping[str, str]]) -> None:
        """Restore the state from rows of an earlier run."""
        p_values = []
        for row in rows:
            try:
                self.arrivals.recorded.add(identity(row["id"], (int(row["size_bytes"]), int(row["modified_ns"]))))
                # A recalibrated model starts anew: the p-values of its predecessor tell nothing about its own.
                if row["model"] == self.model and row["verdict"] != UNREADABLE and not row["repeats"]:
                    p_values.append(_p_value(row["p_value"]))
            except ValueError as error:
                raise OutputError(
                    f"{self.record.path}: expected numbers in the row of {row['id']}: {error}. Mend that row or remove it."
                ) from error
        self.alarm.update(np.array(p_values))
        self.recorded += len(rows)

    def _judge(self, arrivals: Sequence[Arrival]) -> list[tuple[Arrival, Row]]:
        """Return files with their rows, without those that changed meanwhile or will be tried again."""
        with warnings.catch_warnings(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            warnings.filterwarnings("ignore", module=r"PIL\.")  # the row has the reason
            outcomes = list(pool.map(self._decoded, arrivals))
        good: list[tuple[Arrival, Array]] = []
        judged: list[tuple[Arrival, Row]] = []
        for arrival, outcome in zip(arrivals, outcomes, strict=True):
            if not self.arrivals.at_rest(arrival):
                continue  # read while it was being written, or removed
            if not isinstance(outcome, ImagesError):
                good.append((arrival, outcome))
            elif self.arrivals.given_up(arrival):
                reason = str(outcome).removeprefix(f"{arrival.name}: ")
                judged.append((arrival, self._row(arrival, {"verdict": UNREADABLE, "note": one_line(reason)})))
        if good and self.on_first is not None:
            self.on_first(self._as_they_came([arrival for arrival, _ in good]))
            self.on_first = None
        if good:
            judged += self._scored([arrival for arrival, _ in good], np.stack([pixels for _, pixels in good]))
        return judged

    def _as_they_came(self, arrivals: Sequence[Arrival]) -> ImageSet:
        """Return files as images that are decoded on demand."""
        paths = [self.arrivals.folder / arrival.name for arrival in arrivals]
        entries = [Entry(path.name, None, None, partial(_bytes_of, path)) for path in paths]
        return next(image_chunks(entries, None, False, str(self.arrivals.folder), lambda: ""))

    def _decoded(self, arrival: Arrival) -> Array | ImagesError:
        """Return one H,W,C image as the model takes it, or the error."""
        path, rule = self.arrivals.folder / arrival.name, self.detector.preprocess
        # Read as a whole: a damaged header cannot make Pillow ask for more than the file holds.
        entry = Entry(arrival.name, None, None, lambda: BytesIO(path.read_bytes()))
        try:
            decoder = Decoder(entry, read_header(entry).orientation)
            return rule.apply(decoder(None if rule.resize == "exact" else (rule.height, rule.width)), arrival.name)
        except ImagesError as error:
            return error

    def _scored(self, arrivals: Sequence[Arrival], pixels: Array) -> list[tuple[Arrival, Row]]:
        """Return files with the verdicts on their N,H,W,C pixels; write the anomaly maps of flagged ones."""
        images = ImageSet(pixels, ids=np.array([arrival.id for arrival in arrivals]))
        result = replace(self.detector.detect(images, **self.rates), recognized=self.recognizer.recognize(images))
        anomaly_maps = self._drawn(arrivals, images, np.flatnonzero(is_flagged(result.verdicts)))
        notes = self._drift_note(result)
        return [
            (arrival, self._row(arrival, {**row, "map": anomaly_maps.get(index, ""), "note": notes.get(index, "")}))
            for index, (arrival, row) in enumerate(zip(arrivals, result.to_table(), strict=True))
        ]

    def _drawn(self, arrivals: Sequence[Arrival], images: ImageSet, flagged: Array) -> dict[int, str]:
        """Write the maps of the flagged images; return their paths below the output, by position."""
        if not len(flagged):
            return {}
        from sablier.report.anomaly_maps import write_maps  # slow to import

        pictured = self.detector.detect(images.take(flagged), **self.rates, pictures=True)
        names = np.array([map_name(arrivals[index].id, arrivals[index].stamp) for index in flagged])
        paths = write_maps(replace(pictured, ids=names), self.output / MAPS)
        return {int(index): path.relative_to(self.output).as_posix() for index, path in zip(flagged, paths, strict=True)}

    def _drift_note(self, result: DetectionResult) -> dict[int, str]:
        """Give the alarm N p-values, of repeats only the first; return its message by position if it goes off."""
        quiet, count = not self.alarm.alarmed, self.alarm.count
        self.alarm.update(independent(result))
        if not (quiet and self.alarm.alarmed):
            return {}
        self.drift = one_line(self.alarm.words())
        counted = np.arange(len(result)) if result.recognized is None else np.flatnonzero(result.recognized.repeats == "")
        return {int(counted[self.alarm.count - count - 1]): self.drift}

    def _row(self, arrival: Arrival, values: Mapping[str, Any]) -> Row:
        return {
            "id": arrival.id,
            "label": PurePosixPath(arrival.id).parent.name,
            **values,
            "time": self.now().isoformat(timespec="seconds"),
            "size_bytes": arrival.stamp[0],
            "modified_ns": arrival.stamp[1],
            "model": self.model,
        }


def _bytes_of(path: Path) -> BytesIO:
    return BytesIO(path.read_bytes())


def _p_value(text: str) -> float:
    number = float(text)
    if not 0 < number <= 1:
        raise ValueError(f"{text} is no p-value")
    return number


def one_line(text: str) -> str:
    """Return text that fits into one line of a table."""
    return printable(" ".join(text.split()))[:LONGEST_NOTE]
