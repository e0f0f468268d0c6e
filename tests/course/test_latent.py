"""Lesson 3, on letters and faces drawn here."""

from pathlib import Path

import numpy as np
import pytest
from listing import visible

from sablier.course import augmentation, face_codes, letter_codes
from sablier.course.augmentation import WAYS
from sablier.course.latent_study import study
from sablier.errors import UnknownName

SETTINGS = ["epochs=2", "width=4", "latent=6"]


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Few letters and faces, so that training and drawing take seconds."""
    for module, values in {
        augmentation: {"MADE": 10, "DRAWS": 2},
        letter_codes: {"TRAINED_ON": 900, "TESTED_ON": 100, "POSES": 1},
        face_codes: {"TRAINED_ON": 300, "TESTED_ON": 40, "POSES": 2, "FRAMES": 3},
    }.items():
        for name, value in values.items():
            monkeypatch.setattr(module, name, value)


def test_the_whole_command(sablier):
    done = sablier("course", "latent", "--lang", "fr", *(part for setting in SETTINGS for part in ("--set", setting)))
    assert done.code == 0
    assert all(words in done.out for words in ("STIX", "MSE", "Des lunettes ajoutées"))
    assert visible("course-latent") == ["latent.html"]
    page = Path("course-latent/latent.html").read_text()
    for words in ("ACP", "un visage rond", "la moyenne de neuf autres lettres", "de A à J, en ligne droite"):
        assert words in page
    sections = ["data", "network", "pca", "averages", "faces", "letters", "interpolation", "augmentation", "exercises"]
    assert [anchor for anchor in sections if f'<section id="{anchor}">' not in page] == []


def test_the_figures():
    lesson = study(settings=SETTINGS)
    letters, faces = lesson.letters, lesson.faces
    assert (letters.numbers, letters.pixels, faces.pixels) == (6, 784, 2304)
    assert letters.trained_on < 900  # less those of the family held out
    assert 180 < faces.trained_on < 270  # less a quarter, those with glasses of one shape
    assert 0.01 < letters.pca_mse < 0.06
    assert 0 <= letters.averages_right <= 10
    assert len(faces.averages) == 12
    assert [sums.count for sums in letters.sums.values()] == [2 * 90, 2 * 10]
    assert [sums.count for sums in faces.sums.values()] == [2 * 16, 2 * 4]
    assert {curve: len(found) for curve, found in letters.interpolations.items()} == {"linear": 10, "spherical": 10}
    assert faces.masks.any(axis=(1, 2)).all()
    assert set(letters.augmented.accuracy) == set(WAYS)
    means = {way: np.mean(values) for way, values in letters.augmented.accuracy.items()}
    assert means["real"] > means["nothing"] > 0.3
    with pytest.raises(UnknownName, match="tier"):
        study(tier="huge")
