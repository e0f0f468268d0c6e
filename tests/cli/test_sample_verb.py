"""sablier sample: what it prints, what it writes, what it refuses."""

import os

import pytest
from listing import visible


@pytest.fixture(scope="module")
def digits_generator(small_autoencoder):
    """A model file: a narrow autoencoder of the digits, with a mixture of its codes."""
    return small_autoencoder


def test_sample_says_what_it_drew_and_how_near_that_is_to_training_images(sablier, digits_generator):
    done = sablier("sample", digits_generator, "-n", 9, "-o", "sheet.png", "--compare", "digits", "--seed", 4)
    assert done.code == 0
    assert "9 images drawn by the method mixture, with seed 4." in done.out
    assert "less likely than 99 % of those of training images" in done.out
    assert "The nearest of digits is 0." in done.out
    assert "See sheet.png" in done.out
    assert sorted(os.listdir()) == ["sheet.json", "sheet.png"]


def test_variations(sablier, digits_generator):
    done = sablier("sample", digits_generator, "--like", "digits:test[label=3]", "-n", 3, "-o", "new", "--strength", 0.3)
    assert done.code == 0
    assert "3 images drawn as variations, with seed 0." in done.out
    assert visible("new") == ["0000.png", "0001.png", "0002.png", "samples.json"]


def test_what_cannot_be_done_is_said(sablier, digits_generator, digits_file, tmp_path):
    (tmp_path / "empty").mkdir()
    refusals = {
        (digits_generator, "-n", 0): "expected to draw at least 1 image, got 0",
        (digits_generator, "-n", -5): "expected to draw at least 1 image, got -5",
        (digits_generator, "--like", "empty"): "empty",
        (digits_generator, "--like", "nowhere"): "no such file or folder",
        (digits_generator, "-o", "new.gif"): "expected a folder or a .png file",
        (digits_generator, "--method", "flow"): "expected one of mixture, gaussian of this model",
        (digits_generator, "--strength", -1): "strength from 0 to 1",
        ("nowhere.sablier",): "there is no model file nowhere.sablier",
        (digits_file, "--method", "network"): "got method 'network'",
    }
    for arguments, message in refusals.items():
        done = sablier("sample", *arguments)
        assert done.code == 2, arguments
        assert message in done.err, arguments
    assert os.listdir() == ["empty"]
