"""The page of benchmarks holds what the result files hold."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(
    ("bar", "meets", "misses"),
    [
        ("<= 0.0080", 0.008, 0.0081),
        (">= 0.95, stretch 0.97", 0.95, 0.949),
        ("< 5", 4.9, 5),
        ("> 0", 0.1, 0.0),
        (">= 25 x", 30, None),
        ("<= 600 with the next", 600, 601),
        ("<= 8/255", 8 / 255 + 1e-7, 8.1 / 255),
        ("0", 0, 1),
        ("all", 1.0, 0.99),
        ("no", False, True),
        ("above 0", [0.1, 0.4], [-0.1, 0.4]),
        ("about 0.10", 0.15, 0.2),
    ],
)
def test_a_bar_is_checked_as_it_is_printed(monkeypatch, bar, meets, misses):
    monkeypatch.syspath_prepend(ROOT / "bench")
    met = import_module("bar").met
    assert met(bar, meets) is True
    assert met(bar, misses) is False


def test_what_is_neither_a_bar_nor_a_note_is_refused(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "bench")
    bars = import_module("bar")
    assert bars.met(bars.Note("reported"), 3) is None
    for text in ("reported", "=< 3", "<= three", "3%"):
        with pytest.raises(ValueError, match="expected a bar such as"):
            bars.met(text, 3)


def tree_of(folder, files):
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


FILES = {
    "bench/speed.py": "from sablier.models import table\nimport harness\n",
    "bench/harness.py": "import sablier.unrelated\n",
    "src/sablier/__init__.py": "",
    "src/sablier/__init__.pyi": "from sablier.lazy import fit as fit\n",
    "src/sablier/lazy.py": "def fit(): ...\n",
    "src/sablier/unrelated.py": "",
    "src/sablier/models/__init__.py": "",
    "src/sablier/models/table.py": 'TABLE = Registry("net", "sablier.models.nets")\n',
    "src/sablier/models/nets/__init__.py": "",
    "src/sablier/models/nets/small.py": "def deep():\n    from sablier import fit\n",
}


@pytest.mark.parametrize(
    ("file", "text", "counts"),
    [
        ("bench/speed.py", "from sablier.models import table\nimport harness\nx = 1\n", True),
        ("src/sablier/models/nets/small.py", "def deep():\n    from sablier import fit\n    return fit\n", True),
        ("src/sablier/lazy.py", "def fit(): return 2\n", True),
        ("src/sablier/lazy.py", '"""What it is."""\n\n\ndef fit(): ...  # a comment\n', False),
        ("src/sablier/unrelated.py", "x = 2\n", False),
        ("bench/harness.py", "x = 2\n", False),
    ],
)
def test_a_figure_is_stale_when_code_that_its_bench_runs_has_changed(monkeypatch, tmp_path, file, text, counts):
    monkeypatch.syspath_prepend(ROOT / "bench")
    digest = import_module("code_digest").code_digest
    before = digest("speed", tree_of(tmp_path / "before", FILES))
    after = digest("speed", tree_of(tmp_path / "after", {**FILES, file: text}))
    assert (before != after) is counts


def test_the_page_is_short():
    assert len((ROOT / "docs" / "BENCHMARKS.md").read_text().replace("|", " ").split()) < 2500


def test_the_minutes_that_the_program_prints_are_those_of_the_result_file():
    measured = json.loads((ROOT / "bench" / "results" / "recipe_minutes-mnist.json").read_text())["rows"]
    printed = json.loads((ROOT / "src" / "sablier" / "recipes" / "minutes.json").read_text())["seconds"]
    assert {(row["kind"], row["recipe"]): row["seconds"] for row in measured} == {
        (kind, recipe): seconds for kind, recipes in printed.items() for recipe, seconds in recipes.items()
    }
