"""Drawing: every way a model can, the same again for the same seed, and what cannot be drawn."""

from dataclasses import replace

import numpy as np
import pytest

from sablier.errors import ConfigError, ImagesError, ModelFileError
from sablier.images import ImageSet, Preprocess, read_images
from sablier.modelfile import ModelFile
from sablier.models import create_model
from sablier.recipes.make import make_recipe
from sablier.tasks.latent.mixture import PART, mixture_of
from sablier.tasks.latent.sample import FLOW, Sampler, compared, sampler_of
from sablier.workflows.training.autoencoder import train_autoencoder
from sablier.workflows.training.network import network_of

RULE = Preprocess(height=8, width=8, channels=1)
SETTINGS = [
    "steps=60",
    "latent=6",
    "width=8",
    "flow.steps=150",
    "flow.width=32",
    "flow.batch_size=128",
    "flow.learning_rate=0.005",
]


@pytest.fixture(scope="module")
def file():
    return train_autoencoder(read_images("digits"), make_recipe("generator", "tiny", SETTINGS))


@pytest.fixture(scope="module")
def sampler(file):
    return sampler_of(file, network_of(file, "reconstruct"))


@pytest.mark.parametrize("method", ["mixture", "flow", "gaussian"])
def test_every_way_draws_images_that_are_new_and_like_those_of_training(sampler, method):
    result = sampler.sample(200, seed=1, method=method)
    assert result.images.shape == (200, 8, 8, 1)
    assert result.images.dtype == np.float32
    assert 0 <= result.images.min() <= result.images.max() <= 1
    digits = read_images("digits")
    near = compared(result, digits, RULE).nearest
    noise = compared(replace(result, images=np.random.default_rng(0).random((200, 8, 8, 1), np.float32)), digits, RULE).nearest
    assert near.min() > 0
    assert np.median(near) < 0.6 * np.median(noise)
    again, other = (sampler.sample(200, seed=seed, method=method).images for seed in (1, 2))
    assert np.array_equal(result.images, again)
    assert not np.array_equal(result.images, other)


def test_the_mixture_is_the_way_unless_told(sampler):
    assert sampler.methods == ("mixture", "flow", "gaussian")
    assert sampler.sample(3).method == "mixture"
    assert (sampler.sample(300).p_values < 0.05).mean() < 0.15
    assert (sampler.sample(300, method="gaussian").p_values < 0.05).mean() > 0.15


def test_a_network_that_draws_by_itself(sampler):
    network = create_model("variational", (8, 8, 1), latent=4, width=8).eval()
    result = Sampler(network, RULE).sample(5)
    assert (result.method, result.images.shape, result.p_values) == ("network", (5, 8, 8, 1), None)


def test_variations_are_of_the_images_in_turn_and_stray_with_their_strength(sampler):
    images = read_images("digits:test").take(range(3))
    none, some, much = (sampler.variations(images, 30, strength, seed=2) for strength in (0.0, 0.4, 1.0))
    assert none.likes.tolist() == [*images.ids] * 10
    pixels = RULE.to_unit(images.array)[np.arange(30) % 3]
    errors = [np.mean((each.images - pixels) ** 2) for each in (none, some, much)]
    assert errors[0] < errors[1] < errors[2]
    assert np.allclose(none.images[0], none.images[3])
    assert not np.allclose(some.images[0], some.images[3], atol=0.02)


def test_the_nearest_is_named(sampler):
    digits = read_images("digits")
    result = compared(sampler.sample(2), digits, RULE)
    row = result.to_table()[1]
    image = digits.array[digits.ids.tolist().index(row["nearest_id"])] / 255
    assert row["nearest"] == pytest.approx(np.sqrt(np.mean((result.images[1] - image) ** 2)), abs=1e-5)
    assert set(row) == {"image", "p_value", "nearest", "nearest_id"}
    assert result.to_json()["samples"][1] == row


def test_what_cannot_be_done_is_said(file, sampler):
    bare = Sampler(sampler.network, RULE)
    with pytest.raises(ModelFileError, match="keeps no mixture"):
        bare.sample(2)
    with pytest.raises(ModelFileError, match="cannot vary images"):
        bare.variations(read_images("digits"), 2)
    with pytest.raises(ConfigError, match="at least 1 image, got 0"):
        sampler.sample(0)
    with pytest.raises(ConfigError, match="expected one of mixture, flow, gaussian of this model, got method 'network'"):
        sampler.sample(1, method="network")
    with pytest.raises(ConfigError, match="strength from 0 to 1"):
        sampler.variations(read_images("digits"), 2, 1.5)
    with pytest.raises(ImagesError, match="at least one image to vary"):
        sampler.variations(ImageSet(np.zeros((0, 8, 8, 1), np.uint8)), 2)


def test_a_file_whose_parts_do_not_fit_is_refused(file: ModelFile):
    other = train_autoencoder(
        read_images("digits").take(range(50)),
        make_recipe("generator", "tiny", [*SETTINGS, "steps=1", "flow.steps=1", "latent=4"]),
    )
    for part in (PART, FLOW):
        mixed = replace(file, parts={**file.parts, part: other.parts[part]})
        with pytest.raises(ModelFileError, match=r"codes have 6 numbers, but it draws \[4, 6\]"):
            sampler_of(mixed, network_of(mixed, "reconstruct"))
    torn = replace(file.parts[PART], tensors={"weights": np.ones(1)})
    with pytest.raises(ModelFileError, match="lacks a part of the mixture"):
        mixture_of(replace(file, parts={PART: torn}))
    assert mixture_of(replace(file, parts={})) is None
