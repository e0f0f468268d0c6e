"""Damage is what it says, seeded by torch's generator."""

import pytest
import torch

from sablier.transforms.corruptions import (
    CORRUPTIONS,
    estimated_sigma,
    gaussian,
    masked_blocks,
    missing,
    poisson,
    random_levels,
    salt_and_pepper,
)


def levels(value, count):
    return torch.full((count, 1, 1, 1), float(value))


@pytest.mark.parametrize(
    "damage",
    [lambda x, each=each: each(x, levels(0.5, len(x))) for each in CORRUPTIONS.values()] + [lambda x: masked_blocks(x, 0.5)],
)
def test_the_same_seed_does_the_same_damage(damage):
    x = torch.rand(4, 3, 14, 9)
    torch.manual_seed(1)
    first = damage(x)
    torch.manual_seed(1)
    assert torch.equal(damage(x), first)
    assert not torch.equal(damage(x), first)
    assert first.shape == x.shape


@pytest.mark.parametrize("damage", [gaussian, salt_and_pepper, missing])
def test_none_is_none(damage):
    x = torch.rand(4, 1, 14, 14)
    assert torch.equal(damage(x, levels(0, 4)), x)
    assert torch.equal(masked_blocks(x, 0.0), x)


def test_levels_are_drawn_evenly_for_each_image():
    torch.manual_seed(0)
    drawn = random_levels(torch.zeros(4000, 1, 2, 2), 0.1, 0.5)
    assert drawn.shape == (4000, 1, 1, 1)
    assert 0.1 <= drawn.min() < 0.11
    assert 0.49 < drawn.max() <= 0.5
    assert drawn.mean().item() == pytest.approx(0.3, abs=0.01)


def test_gaussian_noise_has_the_spread_of_its_image_and_no_mean():
    torch.manual_seed(0)
    each = torch.tensor([0.05, 0.4]).view(2, 1, 1, 1)
    noise = gaussian(torch.full((2, 3, 200, 200), 0.5), each) - 0.5
    assert noise.flatten(1).std(dim=1).tolist() == pytest.approx([0.05, 0.4], rel=0.02)
    assert noise.mean().item() == pytest.approx(0, abs=0.005)
    assert noise.min() < -0.5  # not clipped


def test_photons_scatter_with_the_root_of_the_light():
    torch.manual_seed(0)
    light = torch.tensor([0.0, 0.25, 1.0]).view(3, 1, 1, 1).expand(3, 1, 300, 300)
    counted = poisson(light, levels(0.1, 3))
    assert counted.flatten(1).mean(dim=1).tolist() == pytest.approx([0, 0.25, 1], abs=0.003)
    assert counted.flatten(1).std(dim=1).tolist() == pytest.approx([0, 0.05, 0.1], abs=0.002)
    photons = counted * 100
    assert torch.allclose(photons, photons.round(), atol=1e-3)
    assert (poisson(light, levels(0, 3)) - light).abs().max() < 0.01  # very many photons
    assert torch.isfinite(poisson(torch.full((1, 1, 4, 4), -0.5), levels(0.1, 1))).all()  # less than black counts none


def test_salt_and_pepper_are_equally_many_and_take_all_channels():
    torch.manual_seed(0)
    x = torch.rand(1, 3, 300, 300) * 0.8 + 0.1
    damaged = salt_and_pepper(x, levels(0.3, 1))
    gone = (damaged == 0) | (damaged == 1)
    assert torch.equal(damaged[~gone], x[~gone])
    assert torch.equal(gone[:, 0], gone[:, 2])
    assert torch.equal(damaged[:, 0][gone[:, 0]], damaged[:, 1][gone[:, 0]])
    assert [(damaged == value).float().mean().item() for value in (0, 1)] == pytest.approx([0.15, 0.15], abs=0.01)


def test_missing_pixels_are_black_in_all_channels():
    torch.manual_seed(0)
    x = torch.rand(1, 3, 300, 300) + 0.1
    damaged = missing(x, levels(0.4, 1))
    gone = damaged == 0
    assert torch.equal(damaged[~gone], x[~gone])
    assert torch.equal(gone[:, 0], gone[:, 2])
    assert gone.float().mean().item() == pytest.approx(0.4, abs=0.01)
    assert torch.equal(missing(x, levels(1, 1)), torch.zeros_like(x))


@pytest.mark.parametrize("sigma", [0.02, 0.1, 0.5, 30.0])
def test_the_spread_is_estimated_over_a_smooth_image(sigma):
    torch.manual_seed(0)
    smooth = torch.linspace(0, 1, 128).view(1, 1, 1, 128) * torch.linspace(1, 0, 128).view(1, 1, 128, 1)
    x = torch.cat([smooth, smooth]).repeat(1, 3, 1, 1)
    found = estimated_sigma(gaussian(x, levels(sigma, 2)))
    assert found.shape == (2, 1, 1, 1)
    assert found.flatten().tolist() == pytest.approx([sigma, sigma], rel=0.04)


def test_the_spread_of_strips_of_one_row_or_column():
    torch.manual_seed(0)
    for shape in ((2, 1, 1, 4000), (2, 1, 4000, 1)):
        assert estimated_sigma(gaussian(torch.zeros(shape), levels(0.1, 2))).flatten().tolist() == pytest.approx(
            [0.1] * 2, rel=0.1
        )


def test_an_edge_here_and_there_is_no_noise():
    x = torch.zeros(1, 1, 64, 64)
    x[:, :, 20:40, 11:50] = 1
    assert estimated_sigma(x).item() == 0
    torch.manual_seed(0)
    assert estimated_sigma(gaussian(x, levels(0.1, 1))).item() == pytest.approx(0.1, rel=0.08)


def test_masked_blocks_are_zero_and_the_rest_is_untouched():
    torch.manual_seed(0)
    x = torch.rand(200, 3, 28, 28) + 0.1
    damaged = masked_blocks(x, 0.6)
    gone = damaged == 0
    assert torch.equal(damaged[~gone], x[~gone])
    assert torch.equal(gone[:, 0], gone[:, 2])  # every channel of a block goes
    blocks = gone[:, 0].view(200, 7, 4, 7, 4).float().mean(dim=(2, 4))
    assert set(blocks.unique().tolist()) == {0.0, 1.0}
    assert gone.float().mean().item() == pytest.approx(0.3, abs=0.03)
