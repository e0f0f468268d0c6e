"""Files written as a whole or not at all.

A file is written under a temporary name beside its place, forced onto the disk, and then renamed. The writer holds a lock on
the unfinished file, which the system frees when its process ends, however it ends. Unfinished files that can be locked
belong to no running process.
"""

import os
import re
import secrets
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from sablier.errors import OutputError
from sablier.files.system import sync_folder, take_lock

T = TypeVar("T")
Watcher = Callable[[Path, Path], None]

WRITERS = 8  # files written at once: most of the time is spent waiting for the disk
UNFINISHED = re.compile(r"\..+\.[0-9a-f]{16}\.part")
LONGEST_NAME = 150  # bytes; file systems allow 255
_watchers: list[Watcher] = []


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that a reader finds the old file or the new one, never a part of either.

    An existing file keeps its permissions; a link stays a link, and its target is written.

    Raises:
        OutputError: if it cannot be written; an existing file then stays as it was.
    """
    with _named(path):
        part = Part(path)
        with part:
            part.file.write(data)
            part.finish()


def move_whole(present: Path, path: Path) -> None:
    """Give a file its final path, as `write_whole` does with what it wrote.

    Args:
        present: a file on the same disk that is complete.
        path: its final path.

    Raises:
        OutputError: if it cannot be moved; an existing file then stays as it was.
    """
    with _named(path):
        make_folder(path.parent)
        for watcher in _watchers:
            watcher(path, present)
        os.replace(present, path)
        sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write text as `write_whole` does, in UTF-8; parts of names that are no text are escaped.

    Raises:
        OutputError: if it cannot be written.
    """
    write_whole(path, text.encode(errors="backslashreplace"))


def write_each(write: Callable[[T], None], items: Iterable[T]) -> None:
    """Call `write` with each item, several at a time; raise the first error after the started calls have ended."""
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, items))


class Part:
    """A file that gets its name when it is finished; used with `with`, it is removed at the end if it is not.

    Args:
        path: its final path.

    Raises:
        OSError: if it cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self.place = _through_links(path)
        make_folder(self.place.parent)
        self.mode = self._mode_there()
        while True:
            self.path = self.place.parent / f".{short(self.place.name)}.{secrets.token_hex(8)}.part"
            self.file = cast(BinaryIO, open(self.path, "xb", opener=self._private))  # noqa: SIM115
            with suppress(OSError):  # without locks, nothing is swept either
                take_lock(self.file.fileno())
            if _same_file(self.file, self.path):
                break
            self.file.close()  # it was swept before it was locked

    def finish(self) -> None:
        """Force the file onto the disk and rename it.

        Raises:
            OSError: if that fails; an existing file is intact.
        """
        self.file.flush()
        os.fsync(self.file.fileno())
        if self.mode is not None:
            os.chmod(self.path, self.mode)
        if sys.platform == "win32":
            self.file.close()  # an open file cannot be renamed on Windows
        for watcher in _watchers:
            watcher(self.place, self.path)
        os.replace(self.path, self.place)
        sync_folder(self.place.parent)

    def __enter__(self) -> "Part":
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # on a full disk, closing raises again
            self.file.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _mode_there(self) -> int | None:
        """Return the permissions of the file that is to be replaced, if there is one."""
        try:
            found = os.stat(self.place)
        except OSError:
            return None
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(None, "it is a folder")
        return stat.S_IMODE(found.st_mode)

    def _private(self, name: str, flags: int) -> int:
        """Open with permissions for the owner only, since the replaced file may be private."""
        return os.open(name, flags, 0o666 if self.mode is None else 0o600)


def make_folder(folder: Path) -> None:
    """Create a folder and its parents; unlike `Path.mkdir`, at any depth.

    Raises:
        OSError: if that fails.
    """
    missing = []
    while not folder.is_dir() and folder != folder.parent:
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        with suppress(FileExistsError):
            os.mkdir(each)
        if not each.is_dir():
            raise NotADirectoryError(None, f"{each} is a file")


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Call `watcher` with the final and the present path of every file of this process that is about to be renamed."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def sweep(folder: Path, deep: bool) -> None:
    """Remove the unfinished files of killed runs in a folder; those of running processes are locked.

    Args:
        folder: the folder.
        deep: whether its subfolders are swept, too.
    """
    for place, _, names in os.walk(folder):
        for name in names:
            if UNFINISHED.fullmatch(name):
                _remove_if_nobodys(Path(place, name))
        if not deep:
            return


def _remove_if_nobodys(path: Path) -> None:
    with suppress(OSError):
        if sys.platform == "win32":
            path.unlink()  # an open file cannot be removed on Windows
        with path.open("rb") as file:
            take_lock(file.fileno())
            path.unlink()


def short(name: str) -> str:
    """Return the beginning of a file name, so that a suffix fits."""
    return os.fsdecode(os.fsencode(name)[:LONGEST_NAME])


def _through_links(path: Path) -> Path:
    """Return the path of the file that a link leads to."""
    if not path.is_symlink():
        return path
    place = Path(os.path.realpath(path))
    if place.is_symlink():
        raise OSError(None, "it is a link that leads back to itself")
    return place


def _same_file(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Convert errors to an OutputError that names the file."""
    try:
        yield
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{path} could not be written: {error.strerror or error}. What was there before is whole.") from error
