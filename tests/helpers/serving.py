"""`sablier serve` as a process of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Served:
    """A server that runs: its process and its address."""

    process: "subprocess.Popen[str]"
    address: str

    @property
    def place(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.address.removeprefix("http://").rpartition(":")
        return host, int(port)


@contextmanager
def serving(models: Path, *options: str, log: Path | None = None) -> Iterator[Served]:
    """Start a server on a free port; it is killed at the end, if it still runs."""
    command = [sys.executable, "-m", "sablier", "serve", str(models), "--port", "0", *options]
    with (log or Path(os.devnull)).open("w") as err:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=err, text=True, env={**os.environ, "COLUMNS": "200"})
        assert process.stdout is not None
        try:
            found = re.search(r"http://[^\s,]+", process.stdout.readline())
            assert found, "the server did not start"
            yield Served(process, found[0])
        finally:
            process.kill()
            process.wait(30)
            process.stdout.close()
