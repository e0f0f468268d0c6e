"""One process at a time writes to an output. The system frees the lock when a process ends, however it ends."""

import errno
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from sablier.errors import OutputError, OutputWarning
from sablier.files.system import take_lock
from sablier.files.whole import make_folder, short, sweep

LOCK = ".sablier.lock"
LOCK_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK)


@contextmanager
def locked(folder: Path, *, needed: bool = True) -> Iterator[None]:
    """Make a folder, keep it to this process, and remove what killed runs left unfinished in it.

    A folder that was made for nothing is removed again.

    Args:
        folder: what is locked.
        needed: whether to refuse a disk on which nothing can be locked; otherwise a warning says so.

    Raises:
        OutputError: where another process holds it, or the folder cannot be written.
    """
    with _held(folder, folder / LOCK, needed, "folder"):
        sweep(folder, deep=True)
        yield


@contextmanager
def locked_file(path: Path) -> Iterator[None]:
    """Keep the writing of one file to this process, and remove what killed runs left unfinished beside it.

    Raises:
        OutputError: where another process is at it, or its folder cannot be written.
    """
    with _held(path, path.parent / f".{short(path.name)}.lock", False, "file"):
        sweep(path.parent, deep=False)
        yield


@contextmanager
def _held(what: Path, lock: Path, needed: bool, kind: str) -> Iterator[None]:
    made = not lock.parent.exists()
    file = _taken(what, lock, needed, kind)
    try:
        yield
    finally:
        with suppress(OSError):  # on Windows an open file cannot be removed, and stays
            lock.unlink()
        file.close()
        if made:
            with suppress(OSError):  # it holds something
                lock.parent.rmdir()


def _taken(what: Path, lock: Path, needed: bool, kind: str) -> TextIO:
    """Return the open and locked file that carries the lock and says who holds it."""
    while True:
        try:
            make_folder(lock.parent)
            file = lock.open("a+", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{what} cannot be written: {error.strerror or error}. Choose another {kind} with -o.") from error
        try:
            take_lock(file.fileno())
            if os.path.samestat(os.fstat(file.fileno()), os.stat(lock)):
                break
        except FileNotFoundError:
            pass  # its owner ended, and removed it, between the two lines above
        except OSError as error:
            if error.errno in LOCK_TAKEN:
                file.seek(0)
                owner = file.read().strip() or "another process"
                file.close()
                raise OutputError(f"{what} is in use by {owner}. Stop it, or choose another {kind} with -o.") from error
            if needed:
                file.close()
                raise OutputError(f"{lock} cannot be locked: {error.strerror}. Choose another disk with -o.") from error
            warnings.warn(f"{lock} cannot be locked: let no other run write to {what} now.", OutputWarning, stacklevel=2)
            break
        file.close()
    with suppress(OSError):  # who holds it is said for people only
        file.truncate(0)
        # Past any buffer: what a full disk did not take would be written again when the file is closed.
        os.write(file.fileno(), f"process {os.getpid()} on {socket.gethostname()}\n".encode())
    return file
