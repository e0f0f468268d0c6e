"""sample: from a model file to pictures and what is known of them; from every kind of model that draws, and from no other."""

import json
import os

import numpy as np
import pytest
from listing import visible
from PIL import Image

from sablier.errors import ConfigError, ImagesError, ModelFileError, OutputError
from sablier.images import read_images
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.tasks.latent.mixture import mixture_of
from sablier.workflows.sample import sample, sampler_from
from sablier.workflows.training.autoencoder import train_autoencoder
from sablier.workflows.training.denoiser import train_denoiser


@pytest.fixture(scope="module")
def digits_generator(small_autoencoder):
    """A model file: a narrow autoencoder of the digits with a mixture of its codes."""
    return small_autoencoder


@pytest.fixture
def threes(tmp_path):
    """Two images to vary, and one that cannot be read."""
    place = tmp_path / "threes"
    place.mkdir()
    for name, image in zip("ab", read_images("digits:test[label=3]"), strict=False):
        Image.fromarray(image[..., 0]).save(place / f"{name}.png")
    (place / "torn.png").write_bytes(b"")
    return place


def test_a_folder_of_images_and_what_is_known_of_them(digits_generator, tmp_path):
    result = sample(digits_generator, tmp_path / "out", 12, seed=3, compare="digits")
    assert visible(tmp_path / "out") == [*(f"{index:04}.png" for index in range(12)), "samples.json"]
    with Image.open(tmp_path / "out" / "0007.png") as picture:
        assert (picture.mode, picture.size) == ("L", (8, 8))
        assert np.allclose(np.asarray(picture) / 255, result.images[7, ..., 0], atol=0.5 / 255)
    document = json.loads((tmp_path / "out" / "samples.json").read_text())
    assert document == result.to_json()
    assert (document["images"], document["method"], document["seed"]) == (12, "mixture", 3)
    assert all(row["nearest"] > 0 and row["nearest_id"].startswith("train/") for row in document["samples"])


def test_one_sheet(digits_generator, tmp_path):
    sample(digits_generator, tmp_path / "sheet.png", 9)
    assert sorted(os.listdir(tmp_path)) == ["sheet.json", "sheet.png"]
    with Image.open(tmp_path / "sheet.png") as picture:
        assert min(picture.size) > 100


def test_variations_of_a_folder(digits_generator, threes, tmp_path):
    result = sample(digits_generator, tmp_path / "out", 5, like=threes, strength=0.3)
    assert result.likes.tolist() == ["a.png", "b.png", "a.png", "b.png", "a.png"]
    assert [item.id for item in result.skipped] == ["torn.png"]
    document = json.loads((tmp_path / "out" / "samples.json").read_text())
    assert document["samples"][1]["like"] == "b.png"
    assert document["skipped"][0]["id"] == "torn.png"


def test_a_detector_draws_from_the_codes_of_normal_images(digits_file, digit_threes, tmp_path):
    result = sample(digits_file, tmp_path / "out", 200)
    assert (result.method, result.p_values) == ("mixture", None)
    mean = digit_threes.array.mean(axis=0) / 255
    assert np.abs(result.images.mean(axis=0) - mean).max() < 0.15
    assert len(sample(digits_file, tmp_path / "like", 4, like=digit_threes)) == 4


def test_every_recipe_of_an_autoencoder_keeps_a_mixture_but_not_of_codes_that_are_no_shorter():
    few = read_images("digits").take(range(40))
    for name in ("autoencoder", "variational", "generator"):
        file = train_autoencoder(few, make_recipe(name, "tiny", ["steps=2", "width=8"]))
        assert mixture_of(file) is not None
        assert ("flow" in file.parts) == (name == "generator")
    file = train_autoencoder(few, make_recipe("course-conv", settings=["epochs=1", "filters=64"]))
    assert "mixture" not in file.parts
    with pytest.raises(ModelFileError, match=r"keeps no mixture of its codes.*--recipe generator"):
        sampler_from(file).sample(3)


def test_the_same_training_gives_the_same_bits():
    few = read_images("digits").take(range(60))
    recipe = make_recipe("generator", "tiny", ["steps=3", "width=8", "latent=3", "flow.width=8"])
    first, again = train_autoencoder(few, recipe), train_autoencoder(few, recipe)
    for part in ("net", "mixture", "flow"):
        for name, value in first.parts[part].tensors.items():
            assert np.array_equal(value, again.parts[part].tensors[name]), (part, name)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"count": 0}, ConfigError, "at least 1 image, got 0"),
        ({"strength": 1.5}, ConfigError, "strength from 0 to 1, got 1.5"),
        ({"method": "mixtur"}, ConfigError, "expected method to be one of mixture, flow, gaussian, network, got 'mixtur'"),
        ({"method": "flow"}, ConfigError, "expected one of mixture, gaussian of this model, got method 'flow'"),
        ({"method": "mixture", "like": "digits"}, ConfigError, "variations are drawn in one way only"),
        ({"like": "empty"}, ImagesError, "empty"),
        ({"compare": np.zeros((3, 5, 5), np.uint8)}, ImagesError, "expected images of 8 x 8"),
        ({"output": "new.jpg"}, OutputError, r"expected a folder or a \.png file"),
        ({"output": "file"}, OutputError, r"expected a folder or a \.png file"),
        ({"output": "folder.png"}, OutputError, "is a folder"),
        ({"output": "sheet.png", "count": 401}, ConfigError, "at most 400 images on a sheet, got 401"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_written(
    digits_generator, tmp_path, monkeypatch, arguments, error, message
):
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "folder.png"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(error, match=message):
        sample(digits_generator, **{"output": "out", "count": 3, **arguments})
    assert sorted(os.listdir(tmp_path)) == ["empty", "file", "folder.png"]


def test_the_images_themselves_are_never_written_over(digits_generator, threes, tmp_path):
    before = (threes / "a.png").read_bytes()
    for output in (threes, threes / "new", threes / "a.png"):
        with pytest.raises(OutputError):
            sample(digits_generator, output, 2, like=threes)
    with pytest.raises(OutputError):
        sample(digits_generator, threes / "a.png", 2, like=threes / "a.png")
    assert (threes / "a.png").read_bytes() == before
    assert len(os.listdir(threes)) == 3


def test_a_model_that_draws_nothing_is_refused(tmp_path):
    path = tmp_path / "d.sablier"
    recipe = make_recipe("denoiser", "tiny", ["epochs=1", "width=8", "size=8"])
    train_denoiser(read_images("digits").take(range(20)), recipe).save(path)
    with pytest.raises(ModelFileError, match=r"trained to denoise draws no new images.*--recipe generator"):
        sample(path, tmp_path / "out")


def test_a_detector_without_a_network_that_draws_is_refused(tmp_path, digit_threes):
    from sablier.workflows.training.detector import train_detector

    path = tmp_path / "d.sablier"
    train_detector(digit_threes, make_recipe(tier="tiny")).save(path)
    with pytest.raises(ModelFileError, match="no network of this detector draws images"):
        sample(path, tmp_path / "out")


def test_a_torn_part_is_said(digits_generator):
    file = ModelFile.load(digits_generator)
    parts = {name: part for name, part in file.parts.items() if name != "net"}
    with pytest.raises(ModelFileError, match="lacks a part of what draws"):
        sampler_from(ModelFile(file.task, file.preprocess, parts, file.histories, file.provenance))
