"""watch = score image files as they arrive in a folder, each of them once, whatever happens to the process.

The record is one CSV. Rows are appended a batch at a time and forced onto the disk; all that a watcher knows when it
starts is read from there, so there is no second file that could say otherwise. A kill loses at most the batch at hand,
which is judged again; a row that was cut in half is dropped first. Memory holds one batch of images, and some two
hundred bytes for each file ever recorded.
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

from sablier.calibration import ANOMALY, checked_alpha
from sablier.errors import ConfigError, ImagesError, OutputError
from sablier.files.locking import locked
from sablier.files.names import printable
from sablier.images.chunks import chunk_for
from sablier.images.decoding import Decoder, Entry, image_chunks, read_header
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.monitoring import DriftAlarm
from sablier.tasks.detection.detect import BASELINES, DetectionResult, Detector
from sablier.tasks.detection.summary import independent
from sablier.tasks.known_images import Recognizer
from sablier.typing import Array
from sablier.workflows.arrivals import Arrival, Arrivals, Stamp, identity
from sablier.workflows.likeness import check_likeness
from sablier.workflows.outputs import check_apart
from sablier.workflows.picture_names import MAPS
from sablier.workflows.record import Record

Row = dict[str, Any]

UNREADABLE = "unreadable"
COLUMNS = (
    *("id", "score", "p_value", "verdict", "label"),
    *(f"{name}_{what}" for name in BASELINES for what in ("score", "p_value")),
    *("member", "frame", "known", "repeats"),
    *("time", "size_bytes", "modified_ns", "model", "map", "note"),
)
MOST_AT_ONCE = 64  # few, since a verdict is of use when it is written
HEARD_SECONDS = 0.1  # within which a request to stop is noticed
LONGEST_NOTE, LONGEST_MAP_NAME = 500, 100
ROWS_AT_ONCE = 4096  # of the record, when it is read again
MODEL_DIGITS, MAP_DIGITS = 12, 8


@dataclass(frozen=True)
class WatchSummary:
    """What a watcher has done.

    Args:
        recorded: rows in the record, those of earlier runs included.
        judged, flagged, unreadable: images of this run.
        waiting: files that are still being written, or will be tried again.
        promise: what holds at the false-alarm rate asked for, in words.
        drift: what the drift alarm says, if it went in this run; else "".
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
    """Judge image files as they arrive in a folder, until stopped.

    A file is read when two looks in a row found it with the same size and time of change. One that cannot be decoded
    is tried four times more, with growing pauses, then recorded as unreadable. What was recorded is never judged again;
    a file that was changed since, by size or time, is a new image.

    Args:
        model: a .sablier file that detects.
        folder: where images arrive, also in folders below it.
        output: a folder apart from it, for watch.csv and maps/ of what was flagged.
        alpha: the false-alarm rate.
        every_seconds: the pause between two looks.
        once: end when nothing is left to judge; what is still being written is left for the next run.
        strict: refuse a folder whose first images do not look like those that the model learnt from.
        backbone: the file of the feature network that the model was trained with, if it was one of the user's own; it is run.
        on_start, on_rows: called before the first look, and with the rows of each batch, once they are on the disk.
        stopped: asked often; ends the watch after the batch at hand.
        sleep, now: the clock.

    Raises:
        ConfigError: for an alpha outside (0, 1), or a pause that is not positive.
        ImagesError: where there is no such folder, or it cannot be read any more.
        ModelFileError: for a model of another task; BackboneError for a backbone that is lacking, another, or not needed.
        OutputError: where the output cannot be written, lies among the images, is another watcher's, or its watch.csv is
            not a record of this kind.
    """
    watched, written = Path(folder).expanduser(), Path(output)
    _check(alpha, every_seconds, watched)
    check_apart(watched, written)
    file, digest = ModelFile.load(Path(model)), hashlib.sha256(Path(model).read_bytes()).hexdigest()
    detector, recognizer = Detector.from_file(file, backbone, scores=True), Recognizer.of(file)
    with locked(written), closing(Record(written / "watch.csv", COLUMNS)) as record:
        watcher = Watcher(detector, recognizer, digest[:MODEL_DIGITS], Arrivals(watched), record, written, alpha, now)
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


def _check(alpha: float, every_seconds: float, watched: Path) -> None:
    """Raise ConfigError for a rate or a pause that is none, ImagesError where there is no such folder."""
    checked_alpha(alpha)
    if not 0 < every_seconds < math.inf:
        raise ConfigError(f"expected a pause between looks of more than 0 seconds, such as 2, got {every_seconds}.")
    if not watched.is_dir():
        came = "a file" if watched.exists() else "nothing of that name"
        raise ImagesError(f"{watched}: expected a folder to watch, got {came}. Name a folder, or make it first.")


def _pause(seconds: float, stopped: Callable[[], bool], sleep: Callable[[float], None]) -> None:
    """Wait between two looks, and hear within `HEARD_SECONDS` that it is time to stop."""
    left = seconds
    while left > 0 and not stopped():
        sleep(min(left, HEARD_SECONDS))
        left -= HEARD_SECONDS


class Watcher:
    """Judges what arrives and records it; knows what the record says.

    Args:
        detector: what judges.
        recognizer: what tells which images the model knows, and which repeat one of the last 1,000 of this run.
        model: a name for the detector that changes when its file does.
        arrivals, record: where files come from and rows go to. The record is read here.
        output: the folder of maps/.
        alpha: the false-alarm rate.
        now: the clock.

    Raises:
        OutputError: for a record that is none of ours.
    """

    def __init__(
        self, detector: Detector, recognizer: Recognizer, model: str, arrivals: Arrivals, record: Record, output: Path,
        alpha: float, now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self.detector, self.recognizer, self.model, self.alpha = detector, recognizer, model, alpha
        self.arrivals, self.record, self.output, self.now = arrivals, record, output, now
        self.on_first: Callable[[ImageSet], None] | None = None  # looks at the first images before they are judged
        rule = detector.preprocess
        self.at_once = chunk_for(rule, least=1, most=MOST_AT_ONCE)
        self.judged = self.flagged = self.unreadable = self.recorded = 0
        self.alarm, self.drift = DriftAlarm.of(detector.calibration), ""
        rows = record.read()
        while block := list(islice(rows, ROWS_AT_ONCE)):
            self._recall(block)

    def look(self) -> Iterator[Sequence[Row]]:
        """Look once; yield what was judged, batch by batch, each when it is recorded."""
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
                self.flagged += row["verdict"] == ANOMALY
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
            promise=self.detector.calibration.promise(self.alpha),
            drift=self.drift,
        )

    def _recall(self, rows: Sequence[Mapping[str, str]]) -> None:
        """Take in rows of an earlier run."""
        p_values = []
        for row in rows:
            try:
                self.arrivals.recorded.add(identity(row["id"], (int(row["size_bytes"]), int(row["modified_ns"]))))
                # A model that was calibrated anew starts anew: its predecessor's p-values say nothing about its own.
                if row["model"] == self.model and row["verdict"] != UNREADABLE and not row["repeats"]:
                    p_values.append(_p_value(row["p_value"]))
            except ValueError as error:
                raise OutputError(
                    f"{self.record.path}: expected numbers in the row of {row['id']}: {error}. Mend that row or remove it."
                ) from error
        self.alarm.update(np.array(p_values))
        self.recorded += len(rows)

    def _judge(self, arrivals: Sequence[Arrival]) -> list[tuple[Arrival, Row]]:
        """Return files with their rows, less those that changed meanwhile or will be tried again."""
        with warnings.catch_warnings(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            warnings.filterwarnings("ignore", module=r"PIL\.")  # what Pillow finds odd and cannot read is in the reason
            outcomes = list(pool.map(self._decoded, arrivals))
        good: list[tuple[Arrival, Array]] = []
        judged: list[tuple[Arrival, Row]] = []
        for arrival, outcome in zip(arrivals, outcomes, strict=True):
            if not self.arrivals.at_rest(arrival):
                continue  # read while it was being written, or gone
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
        """Return files as images that are decoded when they are asked for."""
        paths = [self.arrivals.folder / arrival.name for arrival in arrivals]
        entries = [Entry(path.name, None, None, partial(_bytes_of, path)) for path in paths]
        return next(image_chunks(entries, None, False, str(self.arrivals.folder), lambda: ""))

    def _decoded(self, arrival: Arrival) -> Array | ImagesError:
        """Return one H,W,C image as the model takes it, or why there is none."""
        path, rule = self.arrivals.folder / arrival.name, self.detector.preprocess
        # Read whole: a damaged header cannot make Pillow ask for more than the file holds.
        entry = Entry(arrival.name, None, None, lambda: BytesIO(path.read_bytes()))
        try:
            decoder = Decoder(entry, read_header(entry).orientation)
            return rule.apply(decoder(None if rule.resize == "exact" else (rule.height, rule.width)), arrival.name)
        except ImagesError as error:
            return error

    def _scored(self, arrivals: Sequence[Arrival], pixels: Array) -> list[tuple[Arrival, Row]]:
        """Return files with the verdicts on their N,H,W,C pixels; write the anomaly maps of those flagged."""
        images = ImageSet(pixels, ids=np.array([arrival.id for arrival in arrivals]))
        result = replace(self.detector.detect(images, self.alpha), recognized=self.recognizer.recognize(images))
        anomaly_maps = self._drawn(arrivals, images, np.flatnonzero(result.verdicts == ANOMALY))
        notes = self._drift_note(result)
        return [
            (arrival, self._row(arrival, {**row, "map": anomaly_maps.get(index, ""), "note": notes.get(index, "")}))
            for index, (arrival, row) in enumerate(zip(arrivals, result.to_table(), strict=True))
        ]

    def _drawn(self, arrivals: Sequence[Arrival], images: ImageSet, flagged: Array) -> dict[int, str]:
        """Draw the flagged images; return the paths below the output by position."""
        if not len(flagged):
            return {}
        from sablier.report.anomaly_maps import write_maps  # takes longer to import than a thousand digits to score

        pictured = self.detector.detect(images.take(flagged), self.alpha, pictures=True)
        names = np.array([map_name(arrivals[index].id, arrivals[index].stamp) for index in flagged])
        paths = write_maps(replace(pictured, ids=names), self.output / MAPS)
        return {int(index): path.relative_to(self.output).as_posix() for index, path in zip(flagged, paths, strict=True)}

    def _drift_note(self, result: DetectionResult) -> dict[int, str]:
        """Tell the alarm of N p-values, of repeats the first; return its words by position if it goes at one of them."""
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
    """Return text that fits into a line of a table."""
    return printable(" ".join(text.split()))[:LONGEST_NOTE]


def map_name(id: str, stamp: Stamp) -> str:
    """Return a name for an anomaly map that no other image has, not even a later one of the same name.

    >>> map_name("line 1/a.png", (1200, 0)), map_name("line 1/a.png", (1300, 0))
    ('line 1/a-f63375e9', 'line 1/a-55ace5cf')
    """
    stem = str(PurePosixPath(id).with_suffix(""))[-LONGEST_MAP_NAME:]
    return f"{stem}-{identity(id, stamp).hex()[:MAP_DIGITS]}"
