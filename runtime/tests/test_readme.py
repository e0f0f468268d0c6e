"""What the README of sablier-runtime shows can be run."""

import re
import shlex
from pathlib import Path
from typing import Any

from brightness import Brightness, batch
from PIL import Image

from sablier_runtime.cli import _parser

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def fences(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_its_python_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    judge = Brightness()
    judge.write(tmp_path / "part.onnx")
    (tmp_path / "new").mkdir()
    for index, image in enumerate(batch(5, 2).array):
        Image.fromarray(image[..., 0]).save(tmp_path / "new" / f"{index}.png")
    found: dict[str, Any] = {}
    for code in fences("python"):
        exec(compile(code, "README", "exec"), found)
    assert found["maps"].shape == (7, 8, 8)
    assert found["p_values"].shape == (4,)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == judge.promise(0.01)
    assert lines[-1].endswith("anomaly")


def test_its_commands_have_options_that_exist():
    lines = [line for each in fences("sh") for line in each.splitlines() if line.startswith("sablier-judge")]
    assert len(lines) == 3
    for line in lines:
        assert _parser().parse_args(shlex.split(line)[1:]).source == "new/"
    help_text = _parser().format_help()
    for option in re.findall(r"^\| `(--[\w-]+)", README, re.MULTILINE):
        assert option in help_text
