"""The files below a folder, also through links; each folder once, so that circular links end."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

FileId = tuple[int, int]


@dataclass(frozen=True)
class Found:
    """A visible entry below a folder.

    Args:
        name: its path below it, with slashes.
        fault: why nothing can be read there; "" for a regular file.
    """

    name: str
    fault: str = ""


def is_hidden(name: str) -> bool:
    """Return whether any part of a relative name starts with a dot or is a Mac archive's shadow folder."""
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def walked(top: Path, refused: Callable[[str, OSError], None]) -> Iterator[Found]:
    """Yield every visible regular file below a folder, and every link that leads to nothing new.

    Links to folders are followed after all real folders, so that a file has the name without a link if there is one. Named
    pipes and devices are ignored, since opening one would wait for ever.

    Args:
        top: the folder.
        refused: called with the name of a folder that cannot be listed; it is ignored if this returns.
    """
    seen: dict[FileId, str] = {}
    folders, links = deque([""]), deque[str]()
    while folders or links:
        below = folders.popleft() if folders else links.popleft()
        try:
            identity = _identity(os.stat(top / below))
            if identity in seen:
                yield Found(below.rstrip("/"), f"it is a link to a folder that is read as {seen[identity] or 'the whole'}")
                continue
            seen[identity] = below.rstrip("/")
            with os.scandir(top / below) as opened:
                entries = sorted(opened, key=lambda entry: entry.name)
        except OSError as error:
            refused(below, error)
            continue
        for entry in entries:
            name = f"{below}{entry.name}"
            if is_hidden(entry.name):
                continue
            if entry.is_symlink() and (fault := _fault_of_link(entry.path)):
                yield Found(name, fault)
            elif entry.is_dir():
                (links if entry.is_symlink() else folders).append(f"{name}/")
            elif entry.is_file():
                yield Found(name)


def _fault_of_link(path: str) -> str:
    """Return why a link leads nowhere, or "" if it leads somewhere."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return f"it is a link to {os.readlink(path)!r}, which is not there"
    except OSError as error:
        return f"it is a link that leads nowhere: {error.strerror}"
    return ""


def _identity(found: os.stat_result) -> FileId:
    return found.st_dev, found.st_ino
