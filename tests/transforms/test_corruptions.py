"""Damage is what it says, seeded by torch's generator."""

import pytest
import torch

from sablier.transforms.corruptions import gaussian, masked_blocks, random_levels


@pytest.mark.parametrize("damage", [lambda x: gaussian_noise(x, 0.5), lambda x: masked_blocks(x, 0.5)])
def test_the_same_seed_does_the_same_damage(damage):
    x = torch.rand(4, 3, 14, 9)
    torch.manual_seed(1)
    first = damage(x)
    torch.manual_seed(1)
    assert torch.equal(damage(x), first)
    assert not torch.equal(damage(x), first)
    assert first.shape == x.shape


@pytest.mark.parametrize("damage", [gaussian_noise, masked_blocks])
def test_none_is_none(damage):
    x = torch.rand(4, 1, 14, 14)
    assert torch.equal(damage(x, 0.0), x)


def test_noise_has_a_level_for_each_image_up_to_the_largest():
    torch.manual_seed(0)
    levels = (gaussian_noise(torch.zeros(400, 1, 30, 30), 0.4)).flatten(1).std(dim=1)
    assert 0 <= levels.min() < 0.05
    assert 0.35 < levels.max() < 0.45
    assert levels.mean().item() == pytest.approx(0.2, abs=0.02)


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
