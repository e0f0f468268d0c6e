"""What a network leaves behind: errors blurred without loss, nuisances that measure edges."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from sablier.models import create_model
from sablier.tasks.residuals import blurred, nuisances, residuals


def test_the_blur_is_scipys():
    errors = torch.rand(3, 40, 50)
    ours = blurred(errors).numpy()
    for index in range(3):
        assert ours[index] == pytest.approx(gaussian_filter(errors[index].numpy(), 1.5, mode="nearest", radius=3), abs=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (1, 9), (8, 8), (33, 47)])
def test_the_blur_keeps_what_is_even_at_any_size(shape):
    assert blurred(torch.full((2, *shape), 0.3)).numpy() == pytest.approx(0.3)


def test_more_edges_are_more_to_draw():
    flat, stripes = torch.full((1, 1, 8, 8), 0.7), torch.zeros(1, 1, 8, 8)
    stripes[..., ::2] = 1
    assert nuisances(flat).item() == pytest.approx(np.log(0.01))
    assert nuisances(stripes).item() > nuisances(stripes / 2).item() > nuisances(flat).item()


@pytest.mark.parametrize("name", ["bottleneck", "course_dense"])
def test_there_is_a_residual_for_the_pixels_and_for_every_layer(name):
    model = create_model(name, (12, 9, 3)).eval()
    x = torch.rand(5, 3, 12, 9)
    found = residuals(model, x)
    assert found.logarithms.shape == (5, 1 + len(model.hidden(x)))
    assert found.errors.shape == (5, 12, 9)
    assert found.reconstruction.shape == x.shape
    assert 0 <= found.reconstruction.min() <= found.reconstruction.max() <= 1
    expected = ((found.reconstruction - x) ** 2).flatten(1).mean(dim=1).log()
    assert torch.allclose(found.logarithms[:, 0], expected)
