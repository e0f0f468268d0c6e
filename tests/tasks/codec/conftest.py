"""A codec that nobody has to train: PCA of the digits, tables of their codes, and a net of random weights."""

import numpy as np
import pytest
import torch

from sablier.images import ImageSet, read_images
from sablier.modelfile import ModelFile
from sablier.tasks.codec.codec import Codec
from sablier.training.recipes import make_recipe
from sablier.workflows.codec import train_codec

SETTINGS = ["steps=12", "latent=8", "width=8", "context.width=16", "context.reach=3", "context.look=1"]


@pytest.fixture(scope="session")
def codec_file() -> ModelFile:
    """A codec of the digits' training split, hardly trained."""
    return train_codec(read_images("digits"), make_recipe("codec", "tiny", SETTINGS))


@pytest.fixture(scope="session")
def codec(codec_file: ModelFile) -> Codec:
    return Codec(codec_file)


@pytest.fixture(scope="session")
def colour_codec() -> Codec:
    """A codec of 9 x 7 colour images."""
    pixels = np.random.default_rng(0).integers(0, 256, size=(40, 9, 7, 3), dtype=np.uint8)
    return Codec(train_codec(ImageSet(pixels), make_recipe("codec", "tiny", SETTINGS)))


@pytest.fixture(scope="session")
def digits() -> ImageSet:
    return read_images("digits:test")


@pytest.fixture
def threads():
    """Set the number of threads for a test."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)
