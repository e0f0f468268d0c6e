"""Lesson 2, on drawn letters and, where it is there, on notMNIST."""

from pathlib import Path

import pytest
from page_checks import anchors_of, check_page

from sablier.course import letters_study
from sablier.course.letters import run
from sablier.course.letters_study import AS_STATED, OURS, SMALL, STATED, study
from sablier.errors import ConfigError, UnknownName
from sablier.images.glyphs import glyphs
from sablier.metrics import psnr
from sablier.recipes.make import make_recipe
from sablier.report.sections import Images

ANCHORS = ["data", "network", "training", "figures", "reconstructions", "noise", "black", "exercises"]


@pytest.fixture
def one_epoch(monkeypatch):
    """One epoch of our schedule, and a narrow bottleneck."""

    def recipe(name, tier="base", settings=()):
        narrow = ["width=8"] if name == "autoencoder" else []
        return make_recipe(name, tier, [*settings, "epochs=1", "threads=1", "dtype=float32", *narrow])

    monkeypatch.setattr(letters_study, "make_recipe", recipe)


@pytest.fixture
def drawn_letters(monkeypatch, one_epoch):
    """A few letters drawn here in place of notMNIST."""
    drawn = {"train": glyphs(150, seed=5), "test": glyphs(40, seed=4)}
    monkeypatch.setattr(letters_study, "load_dataset", lambda name, split: drawn[split])


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_page_is_whole(drawn_letters, language, tmp_path):
    written = run(tmp_path, epochs=1, settings=["filters=8"], language=language)
    assert written.files == (tmp_path / "letters.html",)
    page = written.files[0].read_text(encoding="utf-8")
    check_page(page, language)
    assert anchors_of(page) == ANCHORS
    assert page.count("<svg") == 3  # losses as stated, with our schedule, and of the bottleneck


def test_ten_of_each_group_are_shown(drawn_letters):
    page = run(None, epochs=1, settings=["filters=4"]).page
    rows = next(block for block in page["noise"].blocks if isinstance(block, Images)).rows
    assert [len(images) for images in rows.values()] == [10] * 4
    assert list(rows)[:2] == ["real", "noisy"]
    assert [name.startswith("predicted by") for name in rows] == [False, False, True, True]


def test_the_whole_command(sablier, drawn_letters):
    done = sablier("course", "letters", "--set", "filters=8", "--epochs", "1")
    assert done.code == 0
    for word in ("314,625", "0.0047", "Keras", "PCA with 32", "PCA with 128", "does not compress"):
        assert word in done.out, word
    assert Path("course-letters/letters.html").exists()


def test_the_figures(drawn_letters):
    lesson = study(seeds=2, epochs=1, settings=["filters=4"])
    assert [training.name for training in lesson.trainings] == [STATED, OURS, SMALL]
    assert [training.name for training in lesson.cleaners] == [STATED, OURS]
    assert [training.numbers for training in lesson.trainings] == [784, 784, 32]
    assert lesson.pixels == 784
    assert lesson.parameters == sum(layer[3] for layer in lesson.layers)
    assert lesson.projections[1].mse < lesson.projections[0].mse
    assert 8 < lesson.noisy_psnr < 11  # noise of 0.5 on black and white, clipped: half of it is cut off
    assert study(epochs=0, settings=["filters=2"]).trainings[0].name == OURS


def test_less_noise_is_less_noisy(drawn_letters):
    mild, strong = (study(epochs=0, settings=["filters=2"], noise=noise).noisy_psnr for noise in (0.1, 0.5))
    assert mild > strong + 5


def test_what_does_not_exist_is_said(drawn_letters):
    with pytest.raises(UnknownName, match="tier"):
        study(tier="huge")
    with pytest.raises(ConfigError, match="noise"):
        study(noise=-1)
    with pytest.raises(ConfigError, match="epochs"):
        study(epochs=-1)


def test_as_stated_is_what_the_lesson_states():
    fit = AS_STATED
    assert (fit.optimizer, fit.learning_rate, fit.schedule, fit.batch_size, fit.epochs) == ("rmsprop", 1e-3, "constant", 128, 50)
    assert (fit.ema, fit.gradient_clip, fit.weight_decay) == (0, 0, 0)


@pytest.mark.public
def test_on_notmnist(one_epoch, public_data):
    if not (public_data / "notmnist").is_dir():
        pytest.skip("there is no notmnist under SABLIER_DATA")
    lesson = study(epochs=0)
    assert lesson.parameters == 314_625
    assert lesson.trainings[0].numbers == 6272
    assert lesson.trainings[0].mse < 0.02
    assert psnr(lesson.cleaners[0].mse) > lesson.noisy_psnr + 4
