"""A segmenter answers for every pixel of an image of any size, from what lies around it."""

import pytest
import torch

from sablier.models import create_model
from sablier.models.segmenter import RARE, segmenter


def perturbed(channels=1, cell=2):
    torch.manual_seed(0)
    model = segmenter((32, 32, channels), width=8, cell=cell).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return model


@pytest.mark.parametrize("shape", [(1, 1), (15, 33), (32, 32), (50, 16)])
@pytest.mark.parametrize(("channels", "cell"), [(1, 2), (3, 4), (1, 1)])
@torch.no_grad()
def test_every_pixel_gets_a_logit(shape, channels, cell):
    logits = perturbed(channels, cell).segment(torch.rand(2, channels, *shape))
    assert logits.shape == (2, 1, *shape)
    assert logits.dtype == torch.float32
    assert torch.isfinite(logits).all()


@torch.no_grad()
def test_an_untrained_network_says_that_defects_are_rare():
    share = torch.sigmoid(segmenter((32, 32, 1)).segment(torch.rand(2, 1, 32, 32)))
    assert share.mean().item() == pytest.approx(RARE, rel=1e-3)


@torch.no_grad()
def test_what_changes_in_the_image_changes_there():
    model, x = perturbed(), torch.rand(1, 1, 64, 64)
    other = x.clone()
    other[:, :, 20:24, 40:44] = 1 - other[:, :, 20:24, 40:44]
    change = (model.segment(other) - model.segment(x)).abs()[0, 0]
    assert change[16:28, 36:48].mean() > 2 * change.mean()


def test_it_is_registered_with_its_options():
    model = create_model("segmenter", (16, 16, 3), width=8)
    assert model.config == {"shape": [16, 16, 3], "width": 8, "cell": 2}
