"""Writing files whole or not at all.

A file is written under another name beside its place, forced onto the disk, and then given its own. The writer holds a lock on
the unfinished one, which the system frees when a process ends, however it ends: what can be locked belongs to nobody.
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

WRITERS = 8  # files written at once: most of the time goes by waiting for the disk
UNFINISHED = re.compile(r"\..+\.[0-9a-f]{16}\.part")
LONGEST_NAME = 150  # bytes; file systems take 255
_watchers: list[Watcher] = []


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that a reader finds the old file or the new one, never a part of either.

    A file that was there keeps its permissions; a link stays one, and what it leads to is written.

    Raises:
        OutputError: where it cannot be written; the old file, if any, is left as it was.
    """
    with _named(path):
        part = Part(path)
        with part:
            part.file.write(data)
            part.finish()


def write_text(path: Path, text: str) -> None:
    """Write text as `write_whole` does, in UTF-8; what came from names and is no text is written out.

    Raises:
        OutputError: where it cannot be written.
    """
    write_whole(path, text.encode(errors="backslashreplace"))


def write_each(write: Callable[[T], None], items: Iterable[T]) -> None:
    """Call `write` with each item, several at a time; raise the first error after those that were begun."""
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, items))


class Part:
    """A file that takes its place when it is finished; used with `with`, at whose end it vanishes if it is not.

    Args:
        path: its place.

    Raises:
        OSError: where it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.place = _through_links(path)
        make_folder(self.place.parent)
        self.mode = self._mode_there()
        while True:
            self.path = self.place.parent / f".{short(self.place.name)}.{secrets.token_hex(8)}.part"
            self.file = cast(BinaryIO, open(self.path, "xb", opener=self._private))  # noqa: SIM115
            with suppress(OSError):  # where nothing can be locked, nobody sweeps either
                take_lock(self.file.fileno())
            if _same_file(self.file, self.path):
                break
            self.file.close()  # it was swept up before it was locked

    def finish(self) -> None:
        """Force the file onto the disk and give it its place.

        Raises:
            OSError: where that fails; what was there before is whole.
        """
        self.file.flush()
        os.fsync(self.file.fileno())
        if self.mode is not None:
            os.chmod(self.path, self.mode)
        if sys.platform == "win32":
            self.file.close()  # an open file cannot be renamed there
        for watcher in _watchers:
            watcher(self.place, self.path)
        os.replace(self.path, self.place)
        sync_folder(self.place.parent)

    def __enter__(self) -> "Part":
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # of a full disk, closing tells once more
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
        """Open for the owner alone what replaces a file that may be private."""
        return os.open(name, flags, 0o666 if self.mode is None else 0o600)


def make_folder(folder: Path) -> None:
    """Make a folder and those it lies in; unlike `Path.mkdir`, however deep.

    Raises:
        OSError: where that fails.
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
    """Call `watcher` with place and present path of every file of this process that is about to take its place."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def sweep(folder: Path, deep: bool) -> None:
    """Remove the unfinished files that killed runs have left in a folder; those of living ones are locked.

    Args:
        folder: where to look.
        deep: whether to look into its folders too.
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
            path.unlink()  # an open file cannot be removed there
        with path.open("rb") as file:
            take_lock(file.fileno())
            path.unlink()


def short(name: str) -> str:
    """Return the beginning of a file name, so that there is room for more."""
    return os.fsdecode(os.fsencode(name)[:LONGEST_NAME])


def _through_links(path: Path) -> Path:
    """Return where a file of this name is kept."""
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
    """Say which file could not be written."""
    try:
        yield
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{path} could not be written: {error.strerror or error}. What was there before is whole.") from error
