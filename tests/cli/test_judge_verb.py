"""calibrate --scores and judge: from what one types to what is printed; and what other verbs say of such a file."""

import csv

import numpy as np
import pytest
from score_files import write_scores, write_table


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with tables of 199 good scores and of 100 others, of which 5 are high."""
    monkeypatch.chdir(tmp_path)
    write_scores(tmp_path / "good.csv", 199, 0)
    write_scores(tmp_path / "new.csv", 100, 1, bad=5)
    return tmp_path


@pytest.fixture
def model(sablier, folder):
    assert sablier("calibrate", "--scores", "good.csv", "-o", "t.sablier").code == 0
    return folder / "t.sablier"


def test_scores_are_calibrated_and_judged(sablier, folder):
    done = sablier("calibrate", "--scores", "good.csv", "-o", "t.sablier")
    assert (done.code, done.err) == (0, "")
    assert "t.sablier is calibrated on the scores of 199 images in good.csv." in done.out
    assert "At most 5% of good images like those it was calibrated on will be flagged" in done.out
    done = sablier("judge", "t.sablier", "new.csv", "-o", "out", "--alpha", "0.01")
    assert (done.code, done.err) == (0, "")
    assert "7 of 100 images are flagged." in done.out
    assert "baselines" not in done.out
    assert (folder / "out" / "report.html").exists()


def test_info_shows_columns_and_guarantee(sablier, model):
    done = sablier("info", "t.sablier")
    assert done.code == 0
    for text in ("column score; higher is more anomalous", "199 images in good.csv", "alpha 1%: At most 1% of good images"):
        assert text in done.out


def test_groups_and_columns_by_options(sablier, folder):
    write_table(folder / "parts.csv", name=[f"p{i // 2}-{i}" for i in range(80)], distance=range(80))
    columns = ("--id-column", "name", "--score-column", "distance", "--groups", r"regex:(p\d+)")
    done = sablier("calibrate", "--scores", "parts.csv", "-o", "t.sablier", *columns)
    assert "80 images, 40 groups in parts.csv" in done.out
    assert sablier("judge", "t.sablier", "parts.csv", "-o", "out", "--groups", r"regex:(p\d+)").code == 0


def test_lots_of_a_table_are_bounded(sablier, folder, model):
    # Lot a: 40 good scores; lot b: 20 good ones, and 20 far above every calibration score.
    write_table(folder / "lots.csv", id=[f"{'ab'[i // 40]}{i}" for i in range(80)], score=[*([0.0] * 60), *([99.0] * 20)])
    done = sablier("judge", "t.sablier", "lots.csv", "-o", "out", "--lot", "regex:^([ab])")
    assert (done.code, done.err) == (0, "")
    rows = {row["lot"]: row for row in csv.DictReader((folder / "out" / "lots.csv").read_text().splitlines())}
    assert (rows["a"]["images"], rows["a"]["flagged"], rows["a"]["bad_at_least"]) == ("40", "0", "0")
    assert (rows["b"]["images"], rows["b"]["flagged"]) == ("40", "20")
    assert 10 <= int(rows["b"]["bad_at_least"]) <= 20
    assert "Of these 20 flagged images at most" in done.out


def test_groups_of_a_table_count_once_in_the_bound(sablier, folder):
    write_table(folder / "good.csv", id=range(200), score=np.random.default_rng(0).normal(size=200), group=np.arange(200) // 2)
    write_table(folder / "new.csv", id=range(40), score=[*([0.0] * 20), *([99.0] * 20)], group=np.arange(40) // 2)
    assert sablier("calibrate", "--scores", "good.csv", "-o", "t.sablier").code == 0
    done = sablier("judge", "t.sablier", "new.csv", "-o", "out")
    assert "20 of 40 images are flagged" in done.out
    assert "Of these 10 flagged groups at most" in done.out


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    "words",
    [
        ("detect", "t.sablier", "digits", "-o", "out"),
        ("evaluate", "t.sablier", "--good", "digits", "--bad", "digits"),
        ("calibrate", "t.sablier", "digits"),
        ("update", "t.sablier", "digits", "-o", "new.sablier"),
        ("export", "t.sablier", "-o", "t.onnx"),
        ("reconstruct", "t.sablier", "digits", "-o", "out"),
        ("embed", "t.sablier", "digits", "-o", "codes.csv"),
        ("classify", "t.sablier", "digits", "-o", "out"),
        ("denoise", "t.sablier", "digits", "-o", "out"),
        ("sample", "t.sablier", "-o", "samples.png"),
        ("compress", "t.sablier", "digits", "-o", "images.sabz"),
        ("interpolate", "t.sablier", "digits", "digits"),
        ("cluster", "t.sablier", "digits", "-o", "out"),
        ("map", "t.sablier", "digits", "-o", "map.html"),
        ("watch", "t.sablier", "in", "-o", "out", "--once"),
        ("robustness", "t.sablier", "digits", "-o", "out"),
    ],
    ids=lambda words: words[0],
)
def test_other_verbs_refuse_it_and_say_why(sablier, folder, words):
    (folder / "in").mkdir()
    before = {path.name for path in folder.iterdir()}
    done = sablier(*words)
    assert done.code == 2
    assert "scores" in done.err or "judge" in done.err
    assert {path.name for path in folder.iterdir()} - before <= {"out"}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("calibrate", "--scores", "good.csv"), "expected a file to write the calibration to"),
        (("calibrate",), "expected a model and new images, or --scores FILE"),
        (("calibrate", "a.sablier", "digits", "--lower-is-worse"), "expected a table of scores beside options on it"),
        (("calibrate", "a.sablier", "digits", "--scores", "good.csv"), "either images or scores"),
        (("calibrate", "--scores", "lost.csv", "-o", "t.sablier"), "lost.csv: no such file"),
        (("calibrate", "--scores", "good.csv", "-o", "new.csv"), "new.csv is there already and is not a .sablier model"),
        (("judge", "lost.sablier", "new.csv"), "there is no model file lost.sablier"),
    ],
)
def test_bad_input_is_exit_2(sablier, words, message):
    done = sablier(*words)
    assert done.code == 2
    assert message in done.err
