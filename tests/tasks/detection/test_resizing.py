"""Resizing by matrices is Pillow's, and torch's with antialiasing."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from sablier.tasks.detection.resizing import BILINEAR, BOX, reduced, resized


@pytest.mark.parametrize("how", [BOX, BILINEAR])
@pytest.mark.parametrize("size", [(12, 20), (7, 5), (33, 47), (12, 41), (1, 1)])
def test_each_plane_is_what_pillow_makes_of_it(how, size):
    x = torch.rand(2, 3, 12, 20, generator=torch.Generator().manual_seed(0))
    planes = x.flatten(0, 1).numpy()
    expected = np.array([np.asarray(Image.fromarray(plane).resize(size[::-1], how)) for plane in planes])
    assert resized(x, size[0], size[1], how).flatten(0, 1).numpy() == pytest.approx(expected, abs=1e-6)


def test_reduced_is_antialiased_by_matrices_as_by_torch():
    x = torch.rand(2, 4, 31, 40, generator=torch.Generator().manual_seed(0))
    expected = F.interpolate(x, (8, 10), mode="bilinear", antialias=True)
    assert torch.equal(reduced(x, 8, 10), expected)
    torch.testing.assert_close(resized(x, 8, 10, BILINEAR), expected, atol=1e-6, rtol=0)
