"""Digits, a network for them that nobody has to train, and codecs that hardly did."""

import numpy as np
import pytest
import torch

from sablier.images import read_images
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile
from sablier.models import Model, create_model
from sablier.recipes.make import make_recipe
from sablier.tasks.codec.codec import Codec
from sablier.workflows.training.codec import train_codec

CODEC_SETTINGS = ["steps=12", "latent=8", "width=8", "context.width=16", "context.reach=3", "context.look=1"]


@pytest.fixture(scope="package")
def digits() -> ImageSet:
    return read_images("digits")


@pytest.fixture(scope="package")
def rule(digits: ImageSet) -> Preprocess:
    return Preprocess.for_images(digits, 8)


@pytest.fixture(scope="package")
def network(digits: ImageSet, rule: Preprocess) -> Model:
    """The bottleneck as it starts: PCA of the digits."""
    model = create_model("bottleneck", (8, 8, 1), latent=6, width=8)
    model.initialise(torch.from_numpy(rule.to_unit(digits.array)).permute(0, 3, 1, 2), 0)
    return model


@pytest.fixture(scope="package")
def codec_file() -> ModelFile:
    """A codec of the digits' training split, hardly trained."""
    return train_codec(read_images("digits"), make_recipe("codec", "tiny", CODEC_SETTINGS))


@pytest.fixture(scope="package")
def codec(codec_file: ModelFile) -> Codec:
    return Codec(codec_file)


@pytest.fixture(scope="package")
def colour_codec() -> Codec:
    """A codec of 9 x 7 colour images."""
    pixels = np.random.default_rng(0).integers(0, 256, size=(40, 9, 7, 3), dtype=np.uint8)
    return Codec(train_codec(ImageSet(pixels), make_recipe("codec", "tiny", CODEC_SETTINGS)))


@pytest.fixture(scope="package")
def digit_tests() -> ImageSet:
    return read_images("digits:test")


@pytest.fixture
def threads():
    """Set the number of threads for a test."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)
