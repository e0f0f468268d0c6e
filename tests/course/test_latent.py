"""Lesson 3, on letters drawn here."""

import numpy as np
import pytest
from listing import visible
from PIL import Image

from sablier.course import latent
from sablier.errors import UnknownName


@pytest.fixture
def brief(monkeypatch):
    """Few letters, so that training and drawing take seconds."""
    for name, value in {"TRAINED_ON": 600, "TESTED_ON": 100, "POSES": 1}.items():
        monkeypatch.setattr(latent, name, value)


SETTINGS = ["epochs=2", "width=8", "latent=6"]


def test_the_whole_command(sablier, brief):
    done = sablier("course", "latent", *(part for setting in SETTINGS for part in ("--set", setting)))
    assert done.code == 0
    assert "Held-out letters of 784 pixels, reconstructed from 6 numbers" in done.out
    for words in ("PCA", "of 10 correctly", "one letter", "nine letters", "STIX", "linear", "spherical", "sablier denoise"):
        assert words in done.out
    names = ["arithmetic.png", "averages.png", "interpolation.gif", "interpolation.png", "reconstructions.png"]
    assert visible("course-latent") == names
    for name in names:
        with Image.open(f"course-latent/{name}") as picture:
            assert np.asarray(picture.convert("L")).std() > 10


def test_the_figures(brief):
    lesson = latent.run(None, settings=SETTINGS)
    assert lesson.pictures == ()
    assert (lesson.numbers, lesson.pixels) == (6, 784)
    assert lesson.trained_on < 600  # less those of the family held out
    assert 0.01 < lesson.pca_mse < 0.06
    assert 0 <= lesson.averages_right <= 10
    assert [sums.count for sums in lesson.sums.values()] == [2 * 90, 2 * 10]
    assert {curve: len(interpolation) for curve, interpolation in lesson.interpolations.items()} == {
        "linear": 10,
        "spherical": 10,
    }
    with pytest.raises(UnknownName, match="tier"):
        latent.run(None, tier="huge")
