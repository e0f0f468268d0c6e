"""interpolate: from a model file and two images to a strip or an animation."""

import os

import numpy as np
import pytest
from PIL import Image

from sablier.errors import ConfigError, ImagesError, ModelFileError, OutputError
from sablier.images import read_images
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.tasks.latent.mixture import PART, fitted_mixture
from sablier.tasks.latent.reconstruct import encode
from sablier.workflows.interpolate import interpolate
from sablier.workflows.reconstruct import drawing_network
from sablier.workflows.training.autoencoder import train_autoencoder


@pytest.fixture(scope="module")
def model(small_autoencoder, tmp_path_factory):
    """A model file of a narrow autoencoder of the digits that says nothing of where codes lie."""
    file, path = ModelFile.load(small_autoencoder), tmp_path_factory.mktemp("digits") / "digits.sablier"
    parts = {name: part for name, part in file.parts.items() if name != PART}
    ModelFile(file.task, file.preprocess, parts, file.histories, file.provenance).save(path)
    return path


@pytest.fixture(scope="module")
def model_with_mixture(model, tmp_path_factory):
    file, path = ModelFile.load(model), tmp_path_factory.mktemp("mixture") / "digits.sablier"
    mixture = fitted_mixture(encode(drawing_network(file)[0], file.preprocess, read_images("digits")))
    ModelFile(file.task, file.preprocess, {**file.parts, PART: mixture.part()}, file.histories, file.provenance).save(path)
    return path


@pytest.fixture
def pair(tmp_path):
    """A zero and a one, as image files."""
    digits = read_images("digits:test")
    for index, name in enumerate(["a.png", "b.png"]):
        Image.fromarray(digits.where(label=str(index))[0][..., 0]).save(tmp_path / name)
    return tmp_path / "a.png", tmp_path / "b.png"


def test_a_strip_large_enough_to_see(model, pair, tmp_path):
    interpolation = interpolate(model, pair[0], pair[1], tmp_path / "strip.png")
    assert (interpolation.ids, len(interpolation), interpolation.p_values) == (("a.png", "b.png"), 10, None)
    with Image.open(tmp_path / "strip.png") as strip:
        assert strip.size[0] > 1000
        assert strip.size[1] > 150
    assert sorted(os.listdir(tmp_path)) == ["a.png", "b.png", "strip.png"]


def test_an_animation_goes_there_and_back(model, pair, tmp_path):
    interpolation = interpolate(model, pair[0], pair[1], tmp_path / "walk.GIF", count=6)
    with Image.open(tmp_path / "walk.GIF") as animation:
        assert (animation.n_frames, animation.info["loop"]) == (10, 0)  # type: ignore[attr-defined]
        assert min(animation.size) >= 250
        frames = []
        for index in range(10):
            animation.seek(index)
            frames.append(np.asarray(animation.convert("L")) / 255)
    times = frames[0].shape[0] // 8
    for index in range(6):
        np.testing.assert_allclose(frames[index][::times, ::times], interpolation.images[index, ..., 0], atol=0.02)
    np.testing.assert_array_equal(frames[1], frames[9])
    assert len(interpolate(model, pair[0], pair[1], tmp_path / "longer.gif")) == 40


def test_a_mixture_tells_what_leaves_the_data_and_centres_the_arc(model, model_with_mixture, pair):
    told, untold = (interpolate(path, *pair, curve="spherical") for path in (model_with_mixture, model))
    assert told.p_values.shape == (10,)
    assert untold.p_values is None
    assert not np.allclose(told.codes[5], untold.codes[5])
    np.testing.assert_array_equal(told.codes[[0, -1]], untold.codes[[0, -1]])


def test_photos_may_differ_in_size(tmp_path):
    random = np.random.default_rng(0)
    for index, size in enumerate([(80, 100), (120, 90), (100, 100)] * 3):
        picture = Image.fromarray(random.integers(0, 255, (5, 5, 3), np.uint8)).resize(size)
        (tmp_path / "photos").mkdir(exist_ok=True)
        picture.save(tmp_path / "photos" / f"{index}.png")
    recipe = make_recipe("autoencoder", "tiny", ["epochs=1", "latent=3", "width=8", "size=64"])
    train_autoencoder(read_images(tmp_path / "photos"), recipe).save(tmp_path / "m.sablier")
    first, second = tmp_path / "photos" / "0.png", tmp_path / "photos" / "1.png"
    assert interpolate(tmp_path / "m.sablier", first, second, tmp_path / "strip.png").images.shape == (10, 64, 64, 3)


def test_bad_input_is_said_before_anything_is_written(model, pair, tmp_path):
    first, second = pair
    out = tmp_path / "out.png"
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "larger.png")
    (tmp_path / "torn.png").write_bytes(first.read_bytes()[:60])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImagesError, match=r"expected images of 8 x 8.*got 9 x 9 in larger\.png"):
        interpolate(model, first, tmp_path / "larger.png", out)
    with pytest.raises(ImagesError, match=r"torn\.png"):
        interpolate(model, first, tmp_path / "torn.png", out)
    with pytest.raises(ImagesError, match="empty"):
        interpolate(model, first, tmp_path / "empty", out)
    with pytest.raises(ImagesError, match="no such file"):
        interpolate(model, first, tmp_path / "nowhere.png", out)
    with pytest.raises(ConfigError, match=r"ends in \.png, for a strip, or \.gif"):
        interpolate(model, first, second, tmp_path / "out.jpg")
    with pytest.raises(ConfigError, match="expected a curve"):
        interpolate(model, first, second, out, curve="round")
    file = ModelFile.load(model)
    ModelFile("denoise", file.preprocess, file.parts, file.histories, file.provenance).save(tmp_path / "denoiser.sablier")
    with pytest.raises(ModelFileError, match="expected a model that reconstructs or detects, got one trained to denoise"):
        interpolate(tmp_path / "denoiser.sablier", first, second, out)
    assert not out.exists()


def test_an_image_is_never_written_over(model, pair):
    before = [path.read_bytes() for path in pair]
    for output in pair:
        with pytest.raises(OutputError, match="Choose another place"):
            interpolate(model, pair[0], pair[1], output)
    assert [path.read_bytes() for path in pair] == before
