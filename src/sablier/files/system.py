"""What differs between operating systems: locking an open file, and forcing a name onto the disk."""

import os
import sys
from contextlib import suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def take_lock(descriptor: int) -> None:
        """Lock an open file for this process until it is closed.

        Raises:
            OSError: at once, if another process has locked it.
        """
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)  # a locked byte cannot be read on Windows: lock one beyond the text
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def sync_folder(folder: Path) -> None:
        """Do nothing: Windows cannot force a folder onto the disk."""
else:
    import fcntl

    def take_lock(descriptor: int) -> None:
        """Lock an open file for this process until it is closed.

        Raises:
            OSError: at once, if another process has locked it.
        """
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def sync_folder(folder: Path) -> None:
        """Force the names in a folder onto the disk, if its file system can."""
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
