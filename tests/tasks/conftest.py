"""Digits, and a network for them that nobody has to train."""

import pytest
import torch

from sablier.images import read_images
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models import Model, create_model


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
