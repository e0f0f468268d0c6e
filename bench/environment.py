"""Environments of their own for peers that sablier does not depend on: made once, below the user's cache folder."""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

import pooch


class Environment:
    """A virtual environment that holds a package of one version, and what else it is named, each as pip takes it."""

    def __init__(self, package: str, version: str, *others: str) -> None:
        self.requirements = [f"{package}=={version}", *others]
        mark = f"-{hashlib.sha256(repr(others).encode()).hexdigest()[:8]}" if others else ""
        self.folder = Path(pooch.os_cache("sablier-bench")) / f"{package}-{version}{mark}"
        self.python = self.folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        self.mark = self.folder / "ready"

    @property
    def ready(self) -> bool:
        """Whether it was made whole, by this run or an earlier one."""
        return self.mark.exists()

    def make(self) -> None:
        """Make it where it is not there yet; end the bench where a package cannot be installed."""
        if self.ready:
            return
        wanted = " ".join(self.requirements)
        print(f"installing {wanted} into {self.folder} (once; some minutes, some gigabytes)", flush=True)
        venv.create(self.folder, clear=True, symlinks=sys.platform != "win32", with_pip=True)  # clear: of a half-made one
        command = [str(self.python), "-m", "pip", "install", "--quiet", *self.requirements]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            print(done.stderr.strip(), file=sys.stderr)
            raise SystemExit(
                f"{wanted}, which this bench compares with, could not be installed into {self.folder}: pip says why above. It "
                "takes a network and a Python that the packages support."
            )
        self.mark.touch()
