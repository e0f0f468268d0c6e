"""sablier interpolate and sablier combine: what they print, what they write, what they refuse."""

import os

import numpy as np
import pytest
from PIL import Image

from sablier.images import read_images
from sablier.modelfile import ModelFile


@pytest.fixture(scope="module")
def model(small_autoencoder):
    """A model file: a narrow autoencoder of the digits."""
    return small_autoencoder


@pytest.fixture
def pair(tmp_path):
    """A zero and a one, as image files in the folder the command runs in."""
    for index, name in enumerate(["a.png", "b.png"]):
        image = read_images("digits:test").where(label=str(index))[0]
        Image.fromarray(image[..., 0]).save(tmp_path / name)
    return "a.png", "b.png"


def test_interpolate_says_how_evenly_the_picture_changes(sablier, model, pair):
    done = sablier("interpolate", model, *pair, "-o", "strip.png")
    assert done.code == 0
    assert "From a.png to b.png, linear, in 10 pictures." in done.out
    assert "the largest step is 1." in done.out
    assert "See strip.png" in done.out
    assert sorted(os.listdir()) == ["a.png", "b.png", "strip.png"]


def test_interpolate_draws_an_animation(sablier, model, pair):
    done = sablier("interpolate", model, *pair, "-o", "walk.gif", "--count", "5", "--curve", "spherical")
    assert done.code == 0
    assert "spherical, in 5 pictures" in done.out
    with Image.open("walk.gif") as animation:
        assert animation.n_frames == 8  # type: ignore[attr-defined]


def test_an_image_and_itself(sablier, model, pair):
    done = sablier("interpolate", model, pair[0], pair[0], "-o", "strip.png")
    assert done.code == 0
    assert "Nothing changes: both images have the same code." in done.out


def test_combine_adds_and_subtracts(sablier, model):
    sources = [f"digits:test[label={label}]" for label in (3, 8, 0)]
    done = sablier("combine", model, "--add", sources[0], "--add", sources[1], "--subtract", sources[2], "-o", "out.png")
    assert done.code == 0
    for source, weight in zip(sources, ("+1", "+1", "-1"), strict=True):
        count = len(read_images(source))
        assert f"{source} {weight} {count}" in done.out
    assert "The real image with the nearest code is digits:test[label=" in done.out
    assert "See out.png" in done.out
    assert os.listdir() == ["out.png"]


def test_combine_averages(sablier, model):
    done = sablier("combine", model, "--add", "digits:test[label=3]", "--add", "digits:test[label=8]", "--among", "digits")
    assert done.code == 0
    assert done.out.count("+0.5") == 2
    assert "nearest code is train/" in done.out
    assert os.listdir() == ["combined.png"]


def test_what_leaves_the_data_is_said(sablier, model):
    zeros, ones = (f"digits:test[label={label}]" for label in (0, 1))
    far = ["--add", zeros, "--add", zeros, "--add", zeros, "--add", zeros, *["--subtract", ones] * 3]
    done = sablier("combine", model, *far, "--among", "digits")
    assert done.code == 0
    assert "The result lies outside the training data" in done.out
    done = sablier("combine", model, "--add", zeros, "--among", "digits")
    assert "The result lies within the training data" in done.out


def test_what_cannot_be_read_is_listed(sablier, model, pair, tmp_path):
    (tmp_path / "folder").mkdir()
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(tmp_path / "folder" / "a.png")
    (tmp_path / "folder" / "[b]torn.png").write_bytes(b"")
    done = sablier("combine", model, "--add", "folder")
    assert done.code == 0
    assert "skipped [b]torn.png" in done.out
    done = sablier("combine", model, "--add", "folder", "--strict")
    assert done.code == 2
    assert "[b]torn.png" in done.err


def test_bad_input_is_said(sablier, model, pair, tmp_path):
    (tmp_path / "empty").mkdir()
    Image.fromarray(np.zeros((9, 9), np.uint8)).save("larger.png")
    file = ModelFile.load(model)
    ModelFile("denoise", file.preprocess, file.parts, file.histories, file.provenance).save(tmp_path / "denoiser.sablier")
    before = sorted(os.listdir())
    refusals = {
        ("interpolate", model, "a.png"): "Missing argument",
        ("interpolate", model, "a.png", "empty"): "empty",
        ("interpolate", model, "a.png", "larger.png"): "expected images of 8 x 8",
        ("interpolate", model, *pair, "-o", "walk.mp4"): "expected an output that ends in .png, for a strip, or .gif",
        ("interpolate", model, *pair, "-o", "a.png"): "Choose another place",
        ("interpolate", model, *pair, "--curve", "round"): "expected a curve of linear or spherical",
        ("interpolate", model, *pair, "--count", "1"): "--count",
        ("interpolate", "denoiser.sablier", *pair): "expected a model that reconstructs or detects",
        ("interpolate", "nowhere.sablier", *pair): "there is no model file nowhere.sablier",
        ("combine", model): "--add",
        ("combine", model, "--add", "a.png", "--subtract", "b.png"): "a direction, not an image",
        ("combine", model, "--add", "empty"): "empty",
        ("combine", model, "--add", "a.png", "--add", "larger.png"): "expected images of 8 x 8",
        ("combine", model, "--add", "a.png", "-o", "out.gif"): "expected an output that ends in .png",
        ("combine", "denoiser.sablier", "--add", "a.png"): "expected a model that reconstructs or detects",
    }
    for arguments, message in refusals.items():
        done = sablier(*arguments)
        assert done.code == 2, arguments
        assert message in done.err
    assert sorted(os.listdir()) == before
