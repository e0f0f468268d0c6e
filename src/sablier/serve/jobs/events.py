"""The events of a job: a file to which lines of JSON are added, and what follows it."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import to_json

EVENTS = "events.jsonl"


class Event(NamedTuple):
    """An event of a job.

    Args:
        number: its place among the events of the job, from 1.
        kind: "state", "progress", "epoch" or "warning".
        content: what there is to say.
    """

    number: int
    kind: str
    content: dict[str, Any]


def add_event(folder: Path, kind: str, content: Mapping[str, Any]) -> None:
    """Add an event to those of the job in a folder; numbers that are not finite become null.

    Raises:
        OSError: if it cannot be written.
    """
    line = to_json({"event": kind, **content}, inf_nan_mode="null") + b"\n"
    descriptor = os.open(folder / EVENTS, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.lseek(descriptor, size - 1, os.SEEK_SET) >= 0 and os.read(descriptor, 1) != b"\n":
            line = b"\n" + line  # a writer was killed within a line
        os.write(descriptor, line)  # at once, since the process of a job and the server may both write
    finally:
        os.close(descriptor)


class EventReader:
    """Reads the events of a job, and later those that were added.

    Args:
        folder: of the job.
        after: the number of the last event that is known already.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as place:
        ...     reader = EventReader(Path(place), after=1)
        ...     for state in ("queued", "running"):
        ...         add_event(Path(place), "state", {"state": state})
        ...     print(*reader.new(), *reader.new())
        Event(number=2, kind='state', content={'state': 'running'})
    """

    def __init__(self, folder: Path, after: int = 0) -> None:
        self.path, self.after = folder / EVENTS, after
        self._number, self._place = 0, 0

    def new(self) -> Iterator[Event]:
        """Yield what was added since the last call; a line that is not complete yet waits, and a damaged one is left out."""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            file.seek(self._place)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._place += len(line)
                self._number += 1
                event = _parsed(self._number, line) if self._number > self.after else None
                if event is not None:
                    yield event


def _parsed(number: int, line: bytes) -> Event | None:
    try:
        content = json.loads(line)
        return Event(number, content.pop("event"), content)
    except (ValueError, KeyError, AttributeError, TypeError):
        return None
