"""A running job: its process, as the server holds it."""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

WORKER = (sys.executable, "-m", "sablier.serve.jobs.worker")
KILL_SECONDS = 40.0  # in which a process that was told to stop must end; it ends itself earlier
LOG = "log.txt"
LIBRARIES = ("OMP", "OPENBLAS", "MKL", "NUMBA")


class Process:
    """Runs a job in a process of its own, outside the process group of the server, whose signals it does not get.

    Args:
        folder: of the job.
        threads: that it may use; None: as many as its libraries choose.
        command: what to run; the folder is added.

    Raises:
        OSError: if it cannot be started.
    """

    def __init__(self, folder: Path, threads: int | None, command: Sequence[str] = WORKER) -> None:
        own = {} if threads is None else {f"{library}_NUM_THREADS": str(threads) for library in LIBRARIES}
        with (folder / LOG).open("ab") as log:
            self._process = subprocess.Popen(
                [*command, str(folder)], stdin=subprocess.PIPE, stdout=log, stderr=log, env={**os.environ, **own},
                start_new_session=True,
            )  # fmt: skip
        self._killer = threading.Timer(KILL_SECONDS, self._process.kill)
        self._told = False

    def stop(self) -> None:
        """Tell it to stop, and kill it if it does not in time."""
        if not self._told:
            self._told = True
            self._killer.start()
            assert self._process.stdin is not None
            self._process.stdin.close()

    def wait(self) -> int:
        """Return the exit code when it has ended."""
        try:
            return self._process.wait()
        finally:
            self._killer.cancel()
            if self._told:
                self._killer.join()
            elif self._process.stdin is not None:
                self._process.stdin.close()
