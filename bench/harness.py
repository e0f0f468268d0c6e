"""What every bench shares: its arguments, its result file, its last line of JSON.

A bench prints a readable table, then one line of JSON. `--quick` ends within a minute on two cores and writes nothing.
A full run writes bench/results/NAME-DATA[-OPTION].json, from which docs/BENCHMARKS.md is generated (bench/page.py).
Long ones keep what they have after every step in bench/results/NAME-....partial.json and go on from there.
"""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from code_digest import code_digest

if TYPE_CHECKING:
    from sablier.images import ImageSet
    from sablier.typing import Array

RESULTS = Path(__file__).parent / "results"


class Bench:
    """One run of a bench script."""

    def __init__(self, name: str, description: str, add: Callable[[argparse.ArgumentParser], None] = lambda parser: None) -> None:
        parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--quick", action="store_true", help="a smaller run that ends within a minute and writes nothing")
        add(parser)
        self.args = parser.parse_args()
        self.name = name
        self.started = time.perf_counter()

    def partial(self, key: str) -> "Partial":
        """Return the store of finished steps of the run `key`; empty for a quick run."""
        return Partial(None if self.args.quick else RESULTS / f"{self.name}-{key}.partial.json")

    def workshop(self, key: str, *recipes: object) -> Path:
        """Return the folder in which a run keeps what it trains until it ends; a run of other recipes finds another one."""
        digest = hashlib.sha256(repr((self.args.quick, recipes)).encode()).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"sablier-bench-{self.name}-{key}-{digest}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def finish(
        self, key: str, seeds: list[int], payload: dict[str, Any], seconds: float | None = None, *, whole: bool = True
    ) -> None:
        """Write the result file of a full run and print the last line; of a run that is not `whole` finished steps are kept."""
        import torch

        result = {
            "bench": self.name,
            **payload,
            "date": datetime.now(UTC).date().isoformat(),
            "commit": _output(["git", "rev-parse", "--short", "HEAD"]),
            "code": code_digest(self.name),
            "cpu": f"{_processor()}, {torch.get_num_threads()} cores",
            "threads": torch.get_num_threads(),
            "seeds": seeds,
            "seconds": round(time.perf_counter() - self.started if seconds is None else seconds, 1),
            "command": " ".join(["python", f"bench/{self.name}.py", *map(_of_any_machine, sys.argv[1:])]),
        }
        if not self.args.quick:
            RESULTS.mkdir(exist_ok=True)
            (RESULTS / f"{self.name}-{key}.json").write_text(json.dumps(result, indent=1) + "\n")
            if whole:
                (RESULTS / f"{self.name}-{key}.partial.json").unlink(missing_ok=True)
        print(json.dumps(result))


class Partial:
    """Finished steps of a long run, kept on disk after each: `steps.get(key, compute)`."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.done: dict[str, Any] = json.loads(path.read_text()) if path and path.exists() else {}

    def get(self, key: str, compute: Callable[[], Any]) -> Any:
        """Return the result of a step, computing it only where no earlier run has."""
        if key not in self.done:
            self.done[key] = compute()
            if self.path:
                self.path.parent.mkdir(exist_ok=True)
                self.path.write_text(json.dumps(self.done))
        return self.done[key]


def labels_of(images: "ImageSet") -> "Array":
    """Return the labels of images that have some, as every set of a bench has."""
    assert images.labels is not None
    return images.labels


def print_table(header: list[str], rows: list[list[Any]]) -> None:
    """Print rows under a header, columns aligned."""
    cells = [header, *[[f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    for row in cells:
        padded = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join([row[0].ljust(widths[0]), *padded[1:]]))


def timed_command(*words: object) -> tuple[float, float]:
    """Return the seconds and the peak megabytes of a whole sablier command, start of Python included.

    Linux counts to the peak what the process that starts a command holds at that time: what a bench holds itself should be less.

    Raises:
        SystemExit: where it fails, with what it said.
    """
    command = [sys.executable, "-c", "from sablier.cli.main import run; run()", *map(str, words)]
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"the command failed: {' '.join(command[3:])}\n{said.read().decode(errors='replace')}")
    return seconds, usage.ru_maxrss / 1024


def idle(busy: float = 1.5) -> bool:
    """Return whether nothing else runs: on average over the last minute no more than what this process keeps busy itself."""
    return os.getloadavg()[0] <= (os.cpu_count() or 1) + busy - 1


def _of_any_machine(word: str) -> str:
    """Return a word of a command, a file without the folder that it lies in on this machine."""
    return Path(word).name if Path(word).is_absolute() else word


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
