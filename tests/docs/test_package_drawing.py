"""The drawing of the packages in docs/architecture.md shows what their files import."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sablier.report.figures import to_png

ROOT = Path(__file__).parents[2]


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    return import_module("package_drawing")


def test_the_committed_drawing_shows_the_imports_of_today(script):
    with Image.open(ROOT / "docs" / "pictures" / "packages.png") as picture:
        shown = script.drawn_pairs(np.asarray(picture.convert("RGB")))
    assert shown == script.imports_of_packages(), "run python docs/make_pictures.py packages"


def test_a_drawing_without_one_import_is_told_from_one_with_it(script, monkeypatch, tmp_path):
    pairs = script.imports_of_packages()
    monkeypatch.setattr(script, "imports_of_packages", lambda: pairs - {("cli", "errors")})
    (tmp_path / "drawn.png").write_bytes(to_png(script.drawing(), 110))
    with Image.open(tmp_path / "drawn.png") as picture:
        assert script.drawn_pairs(np.asarray(picture.convert("RGB"))) == pairs - {("cli", "errors")}


def test_every_line_of_the_page_is_short():
    lines = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines)) <= 130
