"""Lesson 1, on the digits that ship inside."""

import re
from pathlib import Path

import pytest
from page_checks import anchors_of, check_page

from sablier.course.anomaly import run
from sablier.course.anomaly_study import study
from sablier.errors import OutputError, TooFewImages, UnknownName

BRIEF = ["epochs=2", "threads=1", "dtype=float32"]
ANCHORS = [
    "data", "network", "training", "figures", "first-test-image", "reconstructions", "errors", "groups", "compression",
    "exercises",
]  # fmt: skip


@pytest.fixture(scope="module")
def lesson():
    return study(data="digits", seeds=2, settings=["threads=1", "dtype=float32"])


def test_the_lesson_separates_one_digit_from_the_others(lesson):
    assert lesson.auroc > 0.97
    assert [len(run.history.rows) for run in lesson.runs] == [10, 10]
    assert lesson.parameters == sum(layer[3] for layer in lesson.layers)
    first = lesson.runs[0]
    normal, others = first.errors[lesson.is_normal], first.errors[~lesson.is_normal]
    assert (others > first.threshold).mean() > 0.8 > 0.3 > (normal > first.threshold).mean()
    assert first.errors[0] == pytest.approx(((lesson.tests[0] - first.again[0]) ** 2).mean(), rel=1e-5)
    assert lesson.first_error == pytest.approx((first.errors[0] + lesson.runs[1].errors[0]) / 2)
    assert set(lesson.sample_labels) == {"5"}


def test_codes_group_and_compress_images_of_all_labels(lesson):
    assert lesson.groups.result.count == 10
    assert lesson.groups.result.accuracy > 0.5
    assert lesson.sizes.pixels == 64
    assert lesson.sizes.code == 128
    assert lesson.sizes.psnr_rounded == pytest.approx(lesson.sizes.psnr_exact, abs=0.1)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_page_is_whole(language, tmp_path):
    written = run(tmp_path, data="digits", settings=BRIEF, language=language)
    assert written.files == (tmp_path / "anomaly.html",)
    page = written.files[0].read_text(encoding="utf-8")
    check_page(page, language)
    assert anchors_of(page) == ANCHORS
    for column in {"en": ("the lesson prints", "its code, run here", "with equal shapes, run here", "sablier, seeds: 1")}.get(
        language, ()
    ):
        assert f">{column}</th>" in page
    assert not re.search(r"\{\w+\}", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL))
    for figure in ("1132944", "00616", "00687", "00612", "0738", "00218", "0962"):
        assert figure in re.sub(r"[.,\N{NARROW NO-BREAK SPACE}]", "", page), figure


def test_the_whole_command(sablier):
    done = sablier("course", "anomaly", "--data", "digits", "-o", "lesson", *(f"--set={setting}" for setting in BRIEF))
    assert done.code == 0
    for text in ("the lesson", "its code", "equal", "sablier,", "encoder.0", "every reconstruction", "0.0616"):
        assert text in done.out
    assert "about" in done.err.split("\n")[0]
    again = sablier("course", "anomaly", "--data", "digits", "-o", "lesson", "--lang", "fr", *(f"--set={each}" for each in BRIEF))
    assert again.code == 0
    assert "exécuté" in again.out
    assert 'lang="fr"' in Path("lesson/anomaly.html").read_text(encoding="utf-8")


def test_a_skip_connection_needs_no_code(tmp_path):
    lesson = study(data="digits", settings=["model=unet", "epochs=1", "threads=1"])
    assert lesson.runs[0].again.shape == lesson.tests.shape


def test_what_is_in_the_way_is_kept(tmp_path):
    (tmp_path / "anomaly.html").write_text("<!doctype html><p>mine")
    with pytest.raises(OutputError, match="not a page written by sablier"):
        run(tmp_path, data="digits", settings=BRIEF)
    assert (tmp_path / "anomaly.html").read_text() == "<!doctype html><p>mine"


def test_what_does_not_exist_is_said(tmp_path):
    with pytest.raises(UnknownName, match="unknown language 'de'"):
        run(tmp_path, data="digits", language="de")
    with pytest.raises(TooFewImages, match="expected --normal to be a label of digits"):
        study(data="digits", normal="x")


def test_missing_data_is_said_with_what_to_fetch(tmp_path, monkeypatch):
    from sablier.errors import ImagesError

    monkeypatch.setenv("SABLIER_DATA", str(tmp_path))
    with pytest.raises(ImagesError, match=r"needs notmnist/train_data\.csv.*Put it at .*notmnist"):
        study(data="notmnist", normal="0")
