"""Where a classifier looked."""

from typing import Any

import numpy as np
import pytest
import torch

from sablier.images import ImageSet, Preprocess
from sablier.models import create_model, list_models
from sablier.tasks.classification.saliency import where_it_looked

RULE = Preprocess(height=12, width=16, channels=3)
CLASSIFIERS = [name for name in list_models() if "classify" in create_model(name, (12, 16, 3)).capabilities]


def photos(count):
    return ImageSet(np.random.default_rng(0).integers(0, 256, (count, 12, 16, 3), np.uint8))


def test_it_points_at_the_pixels_that_decide():
    network: Any = create_model("course_softmax", (12, 16, 3), classes=3)
    with torch.no_grad():
        network.layer.weight.zero_()
        corner = network.layer.weight.view(3, 3, 12, 16)  # classes, channels, height, width
        corner[1, :, :4, :4] = 1.0  # between the classes 1 and 0
        corner[2, :, 8:, 12:] = 1.0  # between the classes 2 and 0
    found = where_it_looked(network, RULE, photos(2), np.array([1, 2]), np.array([0, 0]))
    assert found.shape == (2, 12, 16)
    assert found[0, 1:3, 1:3].min() > 0.9 > 0.1 > found[0, 8:, 8:].max()
    assert found[1, 9:11, 13:15].min() > 0.9 > 0.1 > found[1, :6, :8].max()


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_it_works_for_every_classifier(name):
    network, images = create_model(name, (12, 16, 3), classes=4), photos(5)
    network.initialise(torch.from_numpy(images.array).permute(0, 3, 1, 2) / 255, seed=0)
    numbers = np.array([0, 1, 2, 3, 0]), np.array([1, 2, 3, 0, 2])
    found = where_it_looked(network, RULE, images, *numbers)
    assert found.shape == (5, 12, 16)
    assert np.isfinite(found).all()
    assert found.min() >= 0
    assert found.max(axis=(1, 2)) == pytest.approx(1)
    np.testing.assert_array_equal(found, where_it_looked(network, RULE, images, *numbers))
    assert where_it_looked(network, RULE, images.take([]), np.empty(0, int), np.empty(0, int)).shape == (0, 12, 16)


def test_it_leaves_no_gradient_behind():
    network = create_model("convnet", (12, 16, 3), classes=2, width=4)
    where_it_looked(network, RULE, photos(1), np.array([0]), np.array([1]))
    assert all(parameter.grad is None for parameter in network.parameters())
