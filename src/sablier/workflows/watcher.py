"""`Watcher`: scores the files that arrive in a folder, and records them.

The record is one CSV. Rows are appended a batch at a time and forced onto the disk. A watcher reads its whole state from the
record, so there is no second file that could disagree. A kill loses at most the present batch, which is scored again; an
incomplete row is removed first. Memory holds one batch of images, and about 200 bytes for each recorded file.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from sablier.calibration import FLAGGING
from sablier.errors import ImagesError, OutputError
from sablier.files.names import as_name, printable
from sablier.images.chunks import chunk_for
from sablier.images.imageset import ImageSet
from sablier.monitoring import DriftAlarm
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.result import BASELINES
from sablier.tasks.detection.shift import MEASURES, OF_IMAGES, Shift
from sablier.tasks.known_images import Recognizer
from sablier.workflows import stream_flags
from sablier.workflows.arrivals import Arrival, Arrivals, identity
from sablier.workflows.arrived_images import ArrivedImage, as_they_came, decoded, image_set
from sablier.workflows.picture_names import MAPS, map_name
from sablier.workflows.record import Record
from sablier.workflows.stream_flags import Row, StreamFlags, rate_of

UNREADABLE = "unreadable"
COLUMNS = (
    *("id", "score", "p_value", "verdict", "label"),
    *(f"{name}_{what}" for name in BASELINES for what in ("score", "p_value")),
    *("member", "frame", "known", "repeats"),
    *OF_IMAGES,
    *("time", "size_bytes", "modified_ns", "model", "map", "note"),
    *stream_flags.COLUMNS,
)
MOST_AT_ONCE = 64  # few, since verdicts must not wait
LONGEST_NOTE = 1000
ROWS_AT_ONCE = 4096  # rows of the record that are read at once
RECENT = 200  # images that are compared with the calibration images
DIGITS = 3  # of the measures in the record


@dataclass(frozen=True)
class WatchSummary:
    """What a watcher has done.

    Args:
        recorded: images in the record, with those of earlier runs.
        judged, flagged, unreadable: images of this run.
        waiting: files that are still being written, or will be tried again.
        promise: the guarantee at the false-alarm or false-discovery rate, in words.
        drift: the message of the drift alarm, if it went off in this run; else "".
        window: with a false-discovery rate, how far the present window is, in words; else "".
    """

    recorded: int
    judged: int
    flagged: int
    unreadable: int
    waiting: int
    promise: str
    drift: str
    window: str


class Watcher:
    """Scores new files and records them; its state is that of the record.

    Args:
        detector: scores the images.
        recognizer: recognises images that the model knows, and repeats among the last 1,000 of this run.
        model: a name for the detector that changes with its file.
        arrivals, record: where files come from and rows go to. The record is read here.
        output: the folder of maps/.
        rates: `alpha` and `reject_alpha`, as `Detector.detect` takes them.
        flags: gives the verdicts at a false-discovery rate; None: they are those at `rates`.
        now: the clock.

    Raises:
        OutputError: if the record is not one of these, or one of another rate.
    """

    def __init__(
        self, detector: Detector, recognizer: Recognizer, model: str, arrivals: Arrivals, record: Record, output: Path,
        rates: Mapping[str, Any], flags: StreamFlags | None, now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self.detector, self.recognizer, self.model, self.rates, self.flags = detector, recognizer, model, rates, flags
        self.arrivals, self.record, self.output, self.now = arrivals, record, output, now
        self.on_first: Callable[[ImageSet], None] | None = None  # checks the first images before they are scored
        rule = detector.preprocess
        self.at_once = chunk_for(rule, least=1, most=MOST_AT_ONCE)
        self.judged = self.flagged = self.unreadable = 0
        self.alarm, self.shift, self.drift = DriftAlarm.of(detector.calibration), Shift(detector.usual, RECENT), ""
        rows = record.read()
        while block := list(islice(rows, ROWS_AT_ONCE)):
            self._recall(block)

    def look(self) -> Iterator[Sequence[Row]]:
        """Scan the folder once; yield the rows of each batch when they are recorded."""
        due = self.arrivals.look()
        for start in range(0, max(1, len(due)), self.at_once):  # without new files a kill may have left rows to write
            judged = self._judge(due[start : start + self.at_once])
            rows = [row for _, row in judged] + self._flagged_later()
            if not rows:
                continue
            self.record.append(rows)
            for arrival, row in judged:
                self.arrivals.settle(arrival)
                self.judged += row["verdict"] != UNREADABLE
                self.unreadable += row["verdict"] == UNREADABLE
            self.flagged += sum(row["verdict"] in FLAGGING for row in rows)
            yield rows

    def summary(self) -> WatchSummary:
        """Return what was done so far."""
        return WatchSummary(
            recorded=len(self.arrivals.recorded),
            judged=self.judged,
            flagged=self.flagged,
            unreadable=self.unreadable,
            waiting=len(self.arrivals.waiting),
            promise=self.detector.promise(**self.rates) if self.flags is None else self.flags.window.promise(),
            drift=self.drift,
            window="" if self.flags is None else self.flags.words(),
        )

    def _recall(self, rows: Sequence[Row]) -> None:
        """Restore the state from rows of an earlier run."""
        p_values: list[float] = []
        measured: list[Row] = []
        for row in rows:
            self._check_rate(row)
            try:
                file = identity(row["id"], (int(row["size_bytes"]), int(row["modified_ns"])))
                seen = file in self.arrivals.recorded  # the second row of an image that was flagged later
                self.arrivals.recorded.add(file)
                # A recalibrated model starts anew: the p-values of its predecessor tell nothing about its own.
                if row["model"] != self.model or row["verdict"] == UNREADABLE:
                    continue
                p_value = _p_value(row["p_value"])
                if self.flags is not None:
                    self.flags.recall(row)
                if not seen:
                    measured.append(row)
                    p_values += [] if row["repeats"] else [p_value]
            except ValueError as error:
                raise OutputError(
                    f"{self.record.path}: expected numbers in the row of {row['id']}: {error}. Mend that row or remove it."
                ) from error
        self.alarm.update(np.array(p_values))
        self._add_measures(measured[-RECENT:])

    @property
    def _settings(self) -> Row:
        """The columns that say at which rate rows are judged."""
        return {"fdr": "", "window_size": ""} if self.flags is None else self.flags.settings

    def _check_rate(self, row: Row) -> None:
        """Raise OutputError if a row was judged at another kind of rate, or at a false-discovery rate by another model."""
        ours = self._settings
        if {name: str(value) for name, value in ours.items()} != {name: row[name] for name in ours}:
            raise OutputError(
                f"{self.record.path} was written {rate_of(row)}, and this run judges {rate_of(ours)}. Give the same options "
                "as before, or choose another folder with -o."
            )
        if self.flags is not None and row["model"] != self.model:
            raise OutputError(
                f"{self.record.path} was written with another model ({row['model']}, this one is {self.model}), and its windows "
                "hold p-values of that one. Watch with that model, or choose another folder with -o."
            )

    def _judge(self, arrivals: Sequence[Arrival]) -> list[tuple[Arrival, Row]]:
        """Return files with their rows, without those that changed meanwhile or will be tried again."""
        good: list[ArrivedImage] = []
        judged: list[tuple[Arrival, Row]] = []
        for arrival, outcome in zip(arrivals, decoded(self.arrivals.folder, arrivals, self.detector.preprocess), strict=True):
            if not self.arrivals.at_rest(arrival):
                continue  # read while it was being written, or removed
            if not isinstance(outcome, ImagesError):
                good.append(outcome)
            elif self.arrivals.given_up(arrival):
                reason = str(outcome).removeprefix(f"{arrival.name}: ")
                judged.append((arrival, self._row(arrival, {"verdict": UNREADABLE, "note": one_line(reason)})))
        if good and self.on_first is not None:
            self.on_first(as_they_came(self.arrivals.folder, good))
            self.on_first = None
        return judged + (self._scored(good) if good else [])

    def _scored(self, images: Sequence[ArrivedImage]) -> list[tuple[Arrival, Row]]:
        """Return files with their verdicts; write the anomaly maps of flagged ones."""
        dense = image_set(images)
        result = replace(self.detector.detect(dense, **self.rates), recognized=self.recognizer.recognize(dense))
        rows = [self._row(image.arrival, values) for image, values in zip(images, result.to_table(), strict=True)]
        assert result.measures is not None
        for row, measures in zip(rows, np.round(result.measures, DIGITS).tolist(), strict=True):
            row |= dict(zip(OF_IMAGES, measures[:-1], strict=True))
        if self.flags is not None:
            self.flags.judge(rows)
        self._draw([(image, row) for image, row in zip(images, rows, strict=True) if row["verdict"] in FLAGGING])
        self._note_drift(rows)
        return [(image.arrival, row) for image, row in zip(images, rows, strict=True)]

    def _flagged_later(self) -> list[Row]:
        """Return the second rows of recorded images that are flagged by now, with anomaly maps of those that are still there."""
        rows = [] if self.flags is None else self.flags.due()
        for row in rows:
            row["time"] = self._time()
            arrival = Arrival(as_name(row["id"]), row["id"], (int(row["size_bytes"]), int(row["modified_ns"])), due=0)
            if self.arrivals.at_rest(arrival):
                (image,) = decoded(self.arrivals.folder, [arrival], self.detector.preprocess)
                if not isinstance(image, ImagesError):
                    self._draw([(image, row)])
        return rows

    def _draw(self, flagged: Sequence[tuple[ArrivedImage, Row]]) -> None:
        """Write the anomaly maps of flagged images, and their paths below the output into their rows."""
        if not flagged:
            return
        from sablier.report.anomaly_maps import write_maps  # slow to import

        pictured = self.detector.detect(image_set([image for image, _ in flagged]), **self.rates, pictures=True)
        names = np.array([map_name(image.arrival.id, image.arrival.stamp) for image, _ in flagged])
        paths = write_maps(replace(pictured, ids=names), self.output / MAPS)
        for (_, row), path in zip(flagged, paths, strict=True):
            row["map"] = path.relative_to(self.output).as_posix()

    def _note_drift(self, rows: Sequence[Row]) -> None:
        """Give the alarm the p-values of rows, of repeats only the first; put its message into the row at which it goes off."""
        quiet, count = not self.alarm.alarmed, self.alarm.count
        counted = [index for index, row in enumerate(rows) if not row["repeats"]]
        self.alarm.update(np.array([rows[index]["p_value"] for index in counted]))
        if quiet and self.alarm.alarmed:
            there = counted[self.alarm.count - count - 1]
            self._add_measures(rows[: there + 1])
            self.drift = rows[there]["note"] = one_line(f"{self.alarm.words()} {self.shift.words()}")
            rows = rows[there + 1 :]
        self._add_measures(rows)

    def _row(self, arrival: Arrival, values: Mapping[str, Any]) -> Row:
        return {
            "id": arrival.id,
            "label": PurePosixPath(arrival.id).parent.name,
            **values,
            "time": self._time(),
            "size_bytes": arrival.stamp[0],
            "modified_ns": arrival.stamp[1],
            "model": self.model,
            **self._settings,
        }

    def _add_measures(self, rows: Sequence[Row]) -> None:
        """Compare images with the calibration images, given their rows."""
        measures = np.array([[float(row[measure.name]) for measure in MEASURES] for row in rows])
        self.shift.add(measures.reshape(-1, len(MEASURES)), [row["id"] for row in rows])

    def _time(self) -> str:
        return self.now().isoformat(timespec="seconds")


def _p_value(text: str) -> float:
    number = float(text)
    if not 0 < number <= 1:
        raise ValueError(f"{text} is no p-value")
    return number


def one_line(text: str) -> str:
    """Return text that fits into one line of a table."""
    return printable(" ".join(text.split()))[:LONGEST_NOTE]
