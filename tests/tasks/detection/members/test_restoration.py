"""The member that redraws: residuals at every depth, errors blurred without loss."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models import create_model
from sablier.tasks.detection.anomaly_map import blurred
from sablier.tasks.detection.members import Fitting
from sablier.tasks.detection.members.restoration import Restoration
from sablier.training.objectives import Reconstruction
from sablier.transforms.batches import Batches


def test_the_blur_is_scipys():
    errors = torch.rand(3, 40, 50)
    ours = blurred(errors).numpy()
    for index in range(3):
        assert ours[index] == pytest.approx(gaussian_filter(errors[index].numpy(), 1.5, mode="nearest", radius=3), abs=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (1, 9), (8, 8), (33, 47)])
def test_the_blur_keeps_what_is_even_at_any_size(shape):
    assert blurred(torch.full((2, *shape), 0.3)).numpy() == pytest.approx(0.3)


@pytest.mark.parametrize("name", ["bottleneck", "course_dense"])
def test_there_is_a_statistic_for_the_pixels_for_every_layer_and_for_the_latent(name):
    model = create_model(name, (12, 9, 3)).eval()
    x = torch.rand(5, 3, 12, 9)
    rule = Preprocess(height=12, width=9, channels=3, dtype="float32", white=1.0)
    good = ImageSet(x.permute(0, 2, 3, 1).numpy())
    member = Restoration.fit(Fitting((good,), rule, Batches(good, rule), network=model, objective=Reconstruction()))
    with torch.no_grad():
        found = member.score(x)
    assert found.statistics.shape == (5, 1 + len(model.hidden(x)) + 1)
    assert found.anomaly_map.shape == (5, 12, 9)
    assert found.reconstructions.shape == (5, 12, 9, 3)
    assert 0 <= found.reconstructions.min() <= found.reconstructions.max() <= 1
    expected = np.log(((found.reconstructions.numpy() - x.permute(0, 2, 3, 1).numpy()) ** 2).mean(axis=(1, 2, 3)))
    assert found.statistics[:, 0].numpy() == pytest.approx(expected, abs=1e-4)
