"""Lesson 2, on drawn letters and, where it is there, on notMNIST."""

import pytest
from listing import visible

from sablier.course import letters
from sablier.errors import ConfigError, UnknownName
from sablier.images import read_images
from sablier.images.glyphs import glyphs
from sablier.recipes.make import make_recipe


@pytest.fixture
def brief(monkeypatch):
    """One epoch of each net, and a narrow bottleneck."""

    def recipe(name, tier="base", settings=()):
        return make_recipe(name, tier, [*settings, "epochs=1", *(["width=8"] if name == "autoencoder" else [])])

    monkeypatch.setattr(letters, "make_recipe", recipe)


@pytest.fixture
def drawn_letters(monkeypatch, brief):
    """Letters drawn here in place of notMNIST."""
    monkeypatch.setattr(letters, "load_dataset", lambda name, split: glyphs(150 if split == "train" else 40, seed=len(split)))


def test_the_whole_command(sablier, drawn_letters):
    done = sablier("course", "letters", "--set", "filters=8", "--epochs", "1")
    assert done.code == 0
    assert all(
        word in done.out for word in ("314,625", "6,272", "0.0047", "Keras, 50 epochs", "bottleneck 32", "PCA 32", "PCA 128")
    )
    assert "course net, our schedule, 1 epoch 1,568" in done.out
    assert "course net, as printed, 1 epoch 1,568" in done.out
    assert visible("course-letters") == [
        "denoising.png", "losses-as-printed.svg", "losses.svg", "reconstructions.png",
    ]  # fmt: skip
    assert len(read_images("course-letters")) == 2


def test_the_figures(drawn_letters):
    lesson = letters.run(None, seeds=2, settings=["filters=4"])
    assert lesson.pictures == ()
    assert [(method.name, method.numbers) for method in lesson.methods] == [
        ("course net, our schedule, 1 epoch", 784), ("bottleneck", 32), ("PCA", 32), ("PCA", 128),
    ]  # fmt: skip
    assert lesson.pixels == 784
    assert lesson.parameters == sum(layer[3] for layer in lesson.layers)
    assert [row["epoch"] for row in lesson.history] == [1]
    assert lesson.methods[3].mse < lesson.methods[2].mse
    assert 8 < lesson.noisy_psnr < 11  # noise of 0.5 on black and white, clipped: half of it is cut off


def test_less_noise_is_less_noisy(drawn_letters):
    mild, strong = (letters.run(None, settings=["filters=2"], noise=noise).noisy_psnr for noise in (0.1, 0.5))
    assert mild > strong + 5


def test_what_does_not_exist_is_said(drawn_letters):
    with pytest.raises(UnknownName, match="tier"):
        letters.run(None, tier="huge")
    with pytest.raises(ConfigError, match="noise"):
        letters.run(None, noise=-1)


def test_as_printed_is_the_lessons_optimizer():
    fit = letters.AS_PRINTED
    assert (fit.optimizer, fit.learning_rate, fit.schedule, fit.batch_size, fit.epochs) == ("rmsprop", 1e-3, "constant", 128, 50)
    assert (fit.ema, fit.gradient_clip, fit.weight_decay) == (0, 0, 0)


@pytest.mark.public
def test_on_notmnist(brief, public_data):
    if not (public_data / "notmnist").is_dir():
        pytest.skip("there is no notmnist under SABLIER_DATA")
    lesson = letters.run(None)
    assert lesson.parameters == letters.LESSON["parameters"]
    assert lesson.methods[0].numbers == letters.LESSON["numbers"]
    assert lesson.methods[0].mse < 0.02
    assert lesson.cleaned_psnr > lesson.noisy_psnr + 4
