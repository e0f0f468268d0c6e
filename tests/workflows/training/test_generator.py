"""Training a generator: its picture is refreshed, a stopped run goes on to the bit, and the file draws."""

import io

import numpy as np
import pytest
from PIL import Image

from sablier.errors import ConfigError, Interrupted, ModelFileError, TooFewImages
from sablier.images import ImageSet
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.workflows.info import describe_model
from sablier.workflows.sample import sampler_from
from sablier.workflows.training import generator
from sablier.workflows.training.generator import sheet_of_samples, train_generator
from sablier.workflows.training.network import network_of
from sablier.workflows.training.train import samples_path, train

TINY = ["epochs=3", "width=4", "discriminator_width=4", "latent=4", "threads=1", "dtype=float32"]


@pytest.fixture(scope="module")
def recipe():
    return make_recipe("gan", "tiny", TINY)


@pytest.fixture(scope="module")
def images():
    return ImageSet(np.random.default_rng(0).integers(0, 255, (90, 8, 8, 3), np.uint8))


def test_the_file_draws_and_says_what_it_is(images, recipe, tmp_path):
    path = tmp_path / "g.sablier"
    train(images, path, recipe)
    facts, layers, promises = describe_model(path)
    assert facts["task"] == "generate"
    assert "discriminator_loss" in facts["last losses"]
    assert {name.split(".")[0] for name, *_ in layers} == {"generator", "discriminator"}
    assert promises == []
    drawn = sampler_from(ModelFile.load(path)).sample(5, seed=1)
    assert drawn.images.shape == (5, 8, 8, 3)
    assert drawn.method == "network"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["g.sablier", "g.samples.png"]
    assert np.asarray(Image.open(io.BytesIO(samples_path(path).read_bytes()))).std() > 0


def test_the_picture_is_refreshed_as_it_learns_and_shows_the_end(images, recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(generator, "REFRESH_SECONDS", -1.0)
    path = tmp_path / "picture.png"
    seen = []

    def on_progress(stage, progress):
        if progress.row:
            seen.append(path.read_bytes())

    file = train_generator(images, recipe, picture=path, on_progress=on_progress)
    assert len(seen) == 3
    assert len(set(seen)) == 3
    assert path.read_bytes() == sheet_of_samples(network_of(file, "generate"))
    assert Image.open(io.BytesIO(seen[0])).size == Image.open(io.BytesIO(path.read_bytes())).size


def test_drawing_on_the_way_does_not_change_what_is_learnt(images, recipe, tmp_path):
    watched = train_generator(images, recipe, picture=tmp_path / "picture.png")
    alone = train_generator(images, recipe)
    for name, tensor in alone.parts["net"].tensors.items():
        np.testing.assert_array_equal(watched.parts["net"].tensors[name], tensor)


def test_a_stopped_run_resumes_to_the_bit(images, recipe, tmp_path):
    whole = train(images, tmp_path / "whole.sablier", recipe)

    def stop(stage, progress):
        if progress.row and progress.row["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="resume"):
        train(images, tmp_path / "stopped.sablier", recipe, on_progress=stop)
    with pytest.raises(ModelFileError, match="another run"):
        train(images, tmp_path / "stopped.sablier", make_recipe("gan", "tiny", [*TINY, "gamma=5"]), resume=True)
    resumed = train(images, tmp_path / "stopped.sablier", recipe, resume=True)
    for name, tensor in whole.parts["net"].tensors.items():
        np.testing.assert_array_equal(resumed.parts["net"].tensors[name], tensor)


def test_one_image_is_too_few(recipe):
    with pytest.raises(TooFewImages, match="at least 2 images"):
        train_generator(ImageSet(np.zeros((1, 8, 8, 1), np.uint8)), recipe)


@pytest.mark.parametrize(("model", "message"), [("bottleneck", "it lacks sample"), ("flow", "a generator and a discriminator")])
def test_a_model_that_cannot_play_is_refused(images, model, message):
    with pytest.raises(ConfigError, match=message):
        train_generator(images, make_recipe("gan", "tiny", [f"model={model}", "epochs=1"]))


def test_a_generator_is_asked_for_where_one_is_needed(images, recipe):
    file = train_generator(images, recipe)
    with pytest.raises(ModelFileError, match="--recipe autoencoder"):
        network_of(file, "reconstruct")
