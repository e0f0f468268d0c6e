"""Notebooks of the lessons run from top to bottom in a clean kernel."""

import importlib
import json
from pathlib import Path

import pytest

from sablier.course.writing import PageWriter
from sablier.errors import ConfigError, OutputError


@pytest.mark.slow
@pytest.mark.parametrize("lesson", ["anomaly", "letters", "latent", "digits"])
def test_a_notebook_runs_in_a_clean_kernel(lesson, brief, tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    run = importlib.import_module(f"sablier.course.{lesson}").run
    written = run(tmp_path, **brief[lesson], notebook=True)
    assert written.files == (tmp_path / f"{lesson}.html", tmp_path / f"{lesson}.ipynb")
    notebook = nbformat.read(written.files[1], as_version=4)
    nbformat.validate(notebook)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [cell for cell in notebook.cells if cell.cell_type == "code"][1:]
    assert len(shown) > 5
    assert all(cell.execution_count for cell in shown)
    for cell in shown:
        assert 'class="sablier-section"' in cell.outputs[0]["data"]["text/html"]


def test_a_notebook_in_the_way_is_kept(tmp_path):
    pytest.importorskip("nbformat")
    (tmp_path / "anomaly.ipynb").write_text(json.dumps({"cells": [], "nbformat": 4}))
    with pytest.raises(OutputError, match="not a notebook written by sablier"):
        PageWriter(tmp_path, "anomaly", notebook=True)


def test_a_missing_package_is_said_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "nbformat", None)
    with pytest.raises(ConfigError, match=r'pip install "sablier\[course\]"'):
        PageWriter(tmp_path, "anomaly", notebook=True)
    assert list(Path(tmp_path).iterdir()) == []
