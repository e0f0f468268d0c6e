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


def seconds_of(command: list[str], repeats: int, code: int = 0) -> float:
    """Return the median seconds of a whole process that ends with `code`, after one run that warms the disk."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, cwd=ROOT, env=os.environ | {"COLUMNS": "120"})
        if done.returncode != code:
            raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr.decode()[-500:]}")
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
    sablier = str(Path(sys.executable).with_name("sablier"))
    mistaken = seconds_of([sablier, "train", "digits", "-o", "m.sablier", "--set", "epocs=3"], repeats, code=2)
    with tempfile.TemporaryDirectory() as folder:
        demo = seconds_of([sys.executable, "examples/demo.py", folder], 0 if bench.args.quick else 1)
    tested = seconds_of_tests("tests/test_errors.py" if bench.args.quick else "")
    print_table(
        ["what", "seconds"],
        [
            ["python -c ''", empty],
            ["import sablier", imported],
            ["sablier --help", helped],
            ["from an unknown setting to the error", mistaken],
            ["the demo", demo],
            ["make test", tested],
        ],
    )
    payload = {
        "data": "digits",
        "import_seconds": imported,
        "help_seconds": helped,
        "unknown_name_seconds": mistaken,
        "torch_loaded": torch_loaded,
        "demo_seconds": demo,
        "test_seconds": tested,
        "python_seconds": empty,
    }
    bench.finish("digits", [0], payload)


if __name__ == "__main__":
    main()
