"""The page of benchmarks holds what the result files hold."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_agrees_with_the_result_files() -> None:
    done = subprocess.run([sys.executable, "bench/page.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_result_file_says_how_it_was_made() -> None:
    for path in (ROOT / "bench" / "results").glob("*.json"):
        if path.name.endswith(".partial.json"):
            continue
        result = json.loads(path.read_text())
        missing = {"date", "commit", "cpu", "threads", "seeds", "seconds", "command"} - set(result)
        assert not missing, f"{path.name} lacks {missing}"
