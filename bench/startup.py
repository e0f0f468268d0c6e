"""Start-up: importing sablier, `sablier --help`, and the demo after installation. Needs nothing but sablier."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import Bench, print_table

ROOT = Path(__file__).resolve().parent.parent


def seconds_of(command: list[str], repeats: int) -> float:
    """Return the median seconds of a whole process, after one run that warms the disk."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT, env=os.environ | {"COLUMNS": "120"})
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:] or times)


def main() -> None:
    bench = Bench("startup", __doc__ or "")
    repeats = 3 if bench.args.quick else 9
    empty = seconds_of([sys.executable, "-c", ""], repeats)
    imported = seconds_of([sys.executable, "-c", "import sablier"], repeats)
    code = "import sys, sablier; print(any(name in sys.modules for name in ('torch', 'sklearn', 'matplotlib')))"
    torch_loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "True"
    helped = seconds_of([str(Path(sys.executable).with_name("sablier")), "--help"], repeats)
    with tempfile.TemporaryDirectory() as folder:
        demo = seconds_of([sys.executable, "examples/demo.py", folder], 0 if bench.args.quick else 3)
    print_table(
        ["what", "seconds"],
        [["python -c ''", empty], ["import sablier", imported], ["sablier --help", helped], ["the demo", demo]],
    )
    payload = {
        "data": "digits",
        "import_seconds": imported,
        "help_seconds": helped,
        "torch_loaded": torch_loaded,
        "demo_seconds": demo,
        "python_seconds": empty,
    }
    bench.finish("digits", [0], payload)


if __name__ == "__main__":
    main()
