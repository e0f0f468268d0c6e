"""The wheel, in an environment with its dependencies alone."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from brightness import Brightness, batch
from PIL import Image

from sablier.images import read_images
from sablier.workflows.exported_files import open_exported

RUNTIME = Path(__file__).parents[1]
CONSTRAINTS = RUNTIME.parent / "constraints.txt"
ABSENT = ("torch", "pydantic", "scipy", "sklearn", "matplotlib", "sablier")

pytestmark = pytest.mark.slow


def done(*command, folder=None):
    """Return what a command prints that ends well; it sees the packages of its own environment only."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    found = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=600, cwd=folder, env=own)
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """The folder of the programs of a fresh environment that the wheel was installed into."""
    folder = tmp_path_factory.mktemp("wheel")
    done(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder / "dist", RUNTIME)
    done(sys.executable, "-m", "venv", folder / "env")
    programs = folder / "env" / ("Scripts" if sys.platform == "win32" else "bin")
    (wheel,) = (folder / "dist").glob("sablier_runtime-*.whl")
    done(programs / "python", "-m", "pip", "install", "-q", "-c", CONSTRAINTS, wheel)
    return programs


def test_the_wheel_judges_without_torch(environment, tmp_path):
    model = Brightness().write(tmp_path / "part.onnx")
    (tmp_path / "new").mkdir()
    for index, image in enumerate(batch(30, 4).array):
        Image.fromarray(image[..., 0]).save(tmp_path / "new" / f"{index:02}.png")
    expected = open_exported(model).detect(read_images(tmp_path / "new"), 0.02).to_table()

    out = done(environment / "sablier-judge", "part.onnx", "new", "-o", "out", "--alpha", "0.02", folder=tmp_path)
    assert "images are flagged" in out
    rows = json.loads((tmp_path / "out" / "detections.json").read_text())["detections"]
    assert [{key: row[key] for key in expected[0]} for row in rows] == expected
    with (tmp_path / "out" / "detections.csv").open(newline="") as file:
        assert [row["verdict"] for row in csv.DictReader(file)] == [row["verdict"] for row in expected]

    code = "import json, sablier_runtime as s; print(json.dumps(s.load('part.onnx').detect('new', 0.02).to_table()))"
    assert json.loads(done(environment / "python", "-c", code, folder=tmp_path)) == expected


def test_nothing_of_torch_is_there_and_importing_is_fast(environment):
    code = f"from importlib.util import find_spec; print([name for name in {ABSENT} if find_spec(name)])"
    assert done(environment / "python", "-c", code) == "[]\n"
    code = "import time; start = time.perf_counter(); import sablier_runtime; print(time.perf_counter() - start)"
    seconds = [float(done(environment / "python", "-c", code)) for _ in range(3)]
    assert np.min(seconds) < 2
    assert done(environment / "sablier-judge", "--version").startswith("sablier-runtime ")
    done(environment / "python", "-m", "pip", "check")
