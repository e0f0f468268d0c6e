"""What a newcomer waits for: importing sablier, `sablier --help`, the demo after installation, and `make test`."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import Bench, print_table

ROOT = Path(__file__).resolve().parent.parent
TESTS = ["-m", "pytest", "-q", "-n", "auto", "--maxprocesses", "8", "--dist", "loadfile", "-m", "not slow"]  # as in the Makefile


def seconds_of(command: list[str], repeats: int) -> float:
    """Return the median seconds of a whole process, after one run that warms the disk."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT, env=os.environ | {"COLUMNS": "120"})
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:] or times)


def seconds_of_tests(file: str = "") -> float:
    """Return the seconds of what `make test` runs, or of one file of it; a test that fails ends the bench."""
    environment = {name: value for name, value in os.environ.items() if name != "SABLIER_DATA"}
    start = time.perf_counter()
    subprocess.run([sys.executable, *TESTS, *([file] if file else [])], check=True, stdout=sys.stderr, cwd=ROOT, env=environment)
    return time.perf_counter() - start


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
    tested = seconds_of_tests("tests/test_errors.py" if bench.args.quick else "")
    print_table(
        ["what", "seconds"],
        [
            ["python -c ''", empty],
            ["import sablier", imported],
            ["sablier --help", helped],
            ["the demo", demo],
            ["make test", tested],
        ],
    )
    payload = {
        "data": "digits",
        "import_seconds": imported,
        "help_seconds": helped,
        "torch_loaded": torch_loaded,
        "demo_seconds": demo,
        "test_seconds": tested,
        "python_seconds": empty,
    }
    bench.finish("digits", [0], payload)


if __name__ == "__main__":
    main()
