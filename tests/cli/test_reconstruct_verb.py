"""sablier reconstruct: what it prints, what it writes, what it refuses."""

import os

import numpy as np
import pytest
from listing import visible
from PIL import Image

from sablier.images import read_images
from sablier.recipes.make import make_recipe
from sablier.workflows.training.denoiser import train_denoiser


@pytest.fixture(scope="module")
def digits_autoencoder(small_autoencoder):
    """A model file: a narrow autoencoder of the digits."""
    return small_autoencoder


def test_reconstruct_prints_a_summary(sablier, digits_autoencoder):
    done = sablier("reconstruct", digits_autoencoder, "digits:test", "-o", "out")
    assert done.code == 0
    assert "360 images, pixels from 0 to 1" in done.out
    assert "6 for 64" in done.out
    assert "PCA" not in done.out
    assert "See out/sheet.png" in done.out
    assert visible("out") == ["errors.csv", "errors.json", "reconstructions", "sheet.png"]


def test_reconstruct_beside_pca(sablier, digits_autoencoder):
    done = sablier("reconstruct", digits_autoencoder, "digits:test[label=3]", "--baseline", "digits")
    assert done.code == 0
    assert "PCA" in done.out
    assert done.out.count("6 for 64") == 2
    assert "errors.csv" in os.listdir("reconstructed")


def test_reconstruct_with_a_detector(sablier, digits_file):
    done = sablier("reconstruct", digits_file, "digits:test", "-o", "out")
    assert done.code == 0
    assert "Reconstructed by the first of 2 cross-conformal folds." in done.out


@pytest.fixture
def folder(tmp_path):
    """One image that can be read, and one that cannot."""
    place = tmp_path / "new[red]"
    place.mkdir()
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(place / "a.png")
    (place / "[b]torn.png").write_bytes(b"")
    return place


def test_what_is_skipped_is_listed(sablier, digits_autoencoder, folder):
    done = sablier("reconstruct", digits_autoencoder, folder, "-o", "out")
    assert done.code == 0
    assert "1 image, pixels" in done.out
    assert "skipped [b]torn.png" in done.out
    assert os.listdir("out/reconstructions") == ["a.png"]
    done = sablier("reconstruct", digits_autoencoder, folder, "-o", "strict", "--strict")
    assert done.code == 2
    assert "[b]torn.png" in done.err


def test_what_cannot_be_done_is_said(sablier, digits_autoencoder, tmp_path):
    denoiser = tmp_path / "d.sablier"
    settings = ["epochs=1", "width=8", "size=8"]
    train_denoiser(read_images("digits").take(range(20)), make_recipe("denoiser", "tiny", settings)).save(denoiser)
    refusals = {
        (denoiser, "digits"): "expected a model that reconstructs or detects, got one trained to denoise",
        ("nowhere.sablier", "digits"): "there is no model file nowhere.sablier",
        (digits_autoencoder, "nowhere"): "no such file or folder",
        (digits_autoencoder, "glyphs:test"): "expected images of 8 x 8",
        (digits_autoencoder, "digits", "--baseline", "glyphs"): "expected images of 8 x 8",
        (digits_autoencoder, "digits", "-o", denoiser): "Choose another folder",
    }
    for arguments, message in refusals.items():
        done = sablier("reconstruct", *arguments)
        assert done.code == 2, arguments
        assert message in done.err
