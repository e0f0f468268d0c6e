"""All lessons into one folder: here the first one, and one whose data is missing."""

from pathlib import Path

import pytest
from page_checks import check_page

from sablier.course import lessons
from sablier.course.lessons import run_all
from sablier.errors import OutputError, UnknownName


@pytest.fixture
def two(monkeypatch, tmp_path):
    """Lesson 1 on the digits that ship inside, in seconds, and lesson 2 on a set that is not there."""
    from sablier.course import anomaly_study
    from sablier.recipes.make import make_recipe

    def brief(name, tier="base", settings=()):
        return make_recipe(name, tier, [*settings, "epochs=1", "threads=1", "dtype=float32"])

    monkeypatch.setattr(anomaly_study, "make_recipe", brief)
    monkeypatch.setattr(lessons, "LESSONS", ("anomaly", "letters"))
    monkeypatch.setattr(lessons, "OFFLINE", {"anomaly": "digits", "letters": "notmnist"})
    monkeypatch.setenv("SABLIER_DATA", str(tmp_path / "nothing"))


def test_the_whole_command(sablier, two):
    done = sablier("course", "all", "--tier", "tiny", "--offline", "--lang", "fr", "-o", "out")
    assert done.code == 1
    assert "train_data.csv" in done.out
    index = Path("out/index.html").read_text(encoding="utf-8")
    check_page(index, "fr")
    assert 'href="anomaly/anomaly.html"' in index
    assert 'href="letters' not in index
    assert "train_data.csv" in index
    check_page(Path("out/anomaly/anomaly.html").read_text(encoding="utf-8"), "fr")


def test_what_cannot_be_is_said_before_anything_runs(tmp_path):
    with pytest.raises(UnknownName, match="tier"):
        run_all(tmp_path / "out", tier="huge")
    (tmp_path / "index.html").write_text("<!doctype html>mine")
    with pytest.raises(OutputError, match="not a page written by sablier"):
        run_all(tmp_path)
