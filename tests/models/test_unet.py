"""The denoiser scales with its input, sees only its neighbourhood, and takes images of any size."""

import pytest
import torch

from sablier.models import create_model


@pytest.fixture
def unet():
    model = create_model("unet", (28, 28, 1), width=8, blocks=1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model.eval()


@torch.no_grad()
def test_twice_the_input_gives_twice_the_output(unet):
    x = torch.randn(2, 1, 28, 28)
    assert torch.allclose(unet.reconstruct(2 * x), 2 * unet.reconstruct(x), atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 64), (33, 47)])
def test_images_of_any_size_keep_theirs(unet, size):
    clean, level = unet.denoise(torch.rand(2, 1, *size))
    assert clean.shape == (2, 1, *size)
    assert level.shape == (2,)
    assert torch.isfinite(level).all()
    assert (level > 0).all()


@torch.no_grad()
def test_it_starts_by_changing_nothing():
    x = torch.rand(2, 3, 16, 16)
    assert torch.equal(create_model("unet", (16, 16, 3)).reconstruct(x), x)


def test_the_level_is_learnt_beside_and_moves_no_other_weight(unet):
    unet.denoise(torch.rand(2, 1, 28, 28))[1].sum().backward()
    moved = {
        name.split(".")[0] for name, value in unet.named_parameters() if value.grad is not None and value.grad.abs().sum() > 0
    }
    assert moved == {"level"}
