"""New image files of a folder that are no longer being written, found by repeated scans."""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sablier.errors import ImagesError
from sablier.files.names import as_id
from sablier.images.formats.folders import is_image_name
from sablier.images.walking import walked

Stamp = tuple[int, int]

RETRY_AFTER_LOOKS = (1, 2, 4, 8)  # scans; a copy over a network may stall; half a minute at the usual pace


@dataclass
class Arrival:
    """A file that is not recorded yet.

    Args:
        name: its path below the folder.
        id: the same as `as_id` writes it, for the record.
        stamp: its size in bytes and modification time in nanoseconds.
        due: the number of the scan at which it may be read.
        failures: how often it could not be decoded.
    """

    name: str
    id: str
    stamp: Stamp
    due: int
    failures: int = 0


class Arrivals:
    """Scans a folder repeatedly for files that are finished and not recorded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recorded: set[bytes] = set()
        self.waiting: dict[str, Arrival] = {}
        self.looks = 0
        self.worth_another_look = True

    def look(self) -> list[Arrival]:
        """Return the files that are due, in the order of modification."""
        self.looks += 1
        waiting: dict[str, Arrival] = {}
        for name, stamp in _image_files(self.folder):
            id = as_id(name)
            if identity(id, stamp) not in self.recorded:
                known = self.waiting.get(name)
                waiting[name] = known if known and known.stamp == stamp else Arrival(name, id, stamp, self.looks + 1)
        self.waiting = waiting
        due = sorted((one for one in waiting.values() if one.due <= self.looks), key=lambda one: (one.stamp[1], one.name))
        trying = any(one.failures for one in waiting.values())
        self.worth_another_look = bool(due) or trying or (self.looks == 1 and bool(waiting))
        return due

    def at_rest(self, arrival: Arrival) -> bool:
        """Return whether a file is unchanged since it was listed."""
        return _stamp(self.folder / arrival.name) == arrival.stamp

    def given_up(self, arrival: Arrival) -> bool:
        """Note that a file could not be decoded; return whether that was the last attempt."""
        if arrival.failures == len(RETRY_AFTER_LOOKS):
            return True
        arrival.due = self.looks + RETRY_AFTER_LOOKS[arrival.failures]
        arrival.failures += 1
        return False

    def settle(self, arrival: Arrival) -> None:
        """Remove a file from the list, now that it is recorded."""
        self.recorded.add(identity(arrival.id, arrival.stamp))
        self.waiting.pop(arrival.name, None)


def identity(id: str, stamp: Stamp) -> bytes:
    """Return twelve bytes that identify this file with this size and modification time."""
    return hashlib.blake2b(f"{id}\0{stamp[0]}\0{stamp[1]}".encode(), digest_size=12).digest()


def _image_files(folder: Path) -> Iterator[tuple[str, Stamp]]:
    """Yield every visible image file below a folder, by its relative posix path."""

    def refused(below: str, error: OSError) -> None:
        if below and isinstance(error, FileNotFoundError):
            return  # it was removed since its parent was listed
        raise ImagesError(
            f"{folder / below}: expected a folder that can be read: {error.strerror or error}. What was judged is recorded; "
            "run the same command again when the folder is back."
        ) from error

    for found in walked(folder, refused):
        if not found.fault and is_image_name(found.name.lower()) and (stamp := _stamp(folder / found.name)):
            yield found.name, stamp


def _stamp(path: str | Path) -> Stamp | None:
    """Return size in bytes and modification time in nanoseconds of a regular file; None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None
