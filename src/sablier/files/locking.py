"""Locks: one process at a time writes to an output. The system frees a lock when its process ends, however it ends."""

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
def locked(folder: Path, *, needed: bool = True, option: str = "-o") -> Iterator[None]:
    """Create a folder, lock it for this process, and remove unfinished files of killed runs.

    A folder that was created and not used is removed again.

    Args:
        folder: the folder to lock.
        needed: whether a disk without locks is an error; otherwise it is a warning.
        option: the option that names another folder, for messages.

    Raises:
        OutputError: if another process has locked it, or it cannot be written.
    """
    with _held(folder, folder / LOCK, needed, f"folder with {option}"):
        sweep(folder, deep=True)
        yield


@contextmanager
def locked_file(path: Path) -> Iterator[None]:
    """Lock one file for this process, and remove unfinished files of killed runs beside it.

    Raises:
        OutputError: if another process has locked it, or its folder cannot be written.
    """
    with _held(path, path.parent / f".{short(path.name)}.lock", False, "file with -o"):
        sweep(path.parent, deep=False)
        yield


@contextmanager
def _held(what: Path, lock: Path, needed: bool, other: str) -> Iterator[None]:
    made = not lock.parent.exists()
    file = _taken(what, lock, needed, other)
    try:
        yield
    finally:
        with suppress(OSError):  # on Windows an open file cannot be removed, and stays
            lock.unlink()
        file.close()
        if made:
            with suppress(OSError):  # it is not empty
                lock.parent.rmdir()


def _taken(what: Path, lock: Path, needed: bool, other: str) -> TextIO:
    """Return the open and locked file of the lock, which names its owner; `other` is what a message says to choose."""
    while True:
        try:
            make_folder(lock.parent)
            file = lock.open("a+", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{what} cannot be written: {error.strerror or error}. Choose another {other}.") from error
        try:
            take_lock(file.fileno())
            if os.path.samestat(os.fstat(file.fileno()), os.stat(lock)):
                break
        except FileNotFoundError:
            pass  # its owner ended and removed it between the two lines above
        except OSError as error:
            if error.errno in LOCK_TAKEN:
                file.seek(0)
                owner = file.read().strip() or "another process"
                file.close()
                raise OutputError(f"{what} is in use by {owner}. Stop it, or choose another {other}.") from error
            if needed:
                file.close()
                raise OutputError(
                    f"{lock} cannot be locked: {error.strerror}. Choose another {other}, on another disk."
                ) from error
            warnings.warn(f"{lock} cannot be locked: let no other run write to {what} now.", OutputWarning, stacklevel=2)
            break
        file.close()
    with suppress(OSError):  # the owner is named for people only
        file.truncate(0)
        # Without a buffer: what a full disk refused would be written again when the file is closed.
        os.write(file.fileno(), f"process {os.getpid()} on {socket.gethostname()}\n".encode())
    return file
