"""A synthetic defect changes what its mask says and nothing else, in every kind of image."""

import pytest
import torch

from sablier.transforms.defects import LARGEST_AREA, MATERIALS, VISIBLE, random_noise, random_shapes, synthetic_defects

SIZES = [(8, 1, 64, 64), (5, 3, 40, 97), (3, 3, 7, 5), (1, 1, 1, 1)]

every_size = pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))


def grain(count=64, channels=1, side=64):
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(1))


@every_size
def test_shapes_ranges_and_masks(size):
    torch.manual_seed(0)
    x = torch.rand(size)
    before = x.clone()
    damaged, mask = synthetic_defects(x, 1.0)
    assert damaged.shape == x.shape
    assert mask.shape == (size[0], 1, *size[2:])
    assert torch.equal(x, before)
    assert set(mask.unique().tolist()) <= {0.0, 1.0}
    assert torch.isfinite(damaged).all()
    assert damaged.min() >= 0
    assert damaged.max() <= 1


def test_the_same_seed_makes_the_same_defects():
    x = grain(8, 3)
    torch.manual_seed(1)
    first = synthetic_defects(x)
    torch.manual_seed(1)
    again = synthetic_defects(x)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(synthetic_defects(x)[0], first[0])


def test_a_mask_lies_where_the_image_changed():
    torch.manual_seed(0)
    x = grain()
    damaged, mask = synthetic_defects(x, 1.0)
    change = (damaged - x).abs()
    # Of a pixel in the mask, itself or a neighbour changed visibly; far more of the change lies inside than outside.
    reached = torch.nn.functional.max_pool2d(change, 3, stride=1, padding=1)
    assert (reached[mask > 0] > VISIBLE).all()
    assert change[mask > 0].mean() > 20 * change[mask == 0].mean()


def test_a_share_of_the_images_stays_as_it_is():
    torch.manual_seed(0)
    x = grain(300, 1, 32)
    damaged, mask = synthetic_defects(x, 0.6)
    whole = (damaged == x).flatten(1).all(dim=1)
    assert whole.float().mean().item() == pytest.approx(0.4, abs=0.1)
    assert not mask[whole].any()


def test_defects_are_small_and_of_many_sizes():
    torch.manual_seed(0)
    area = (random_shapes(grain(200)) > 0.5).float().mean(dim=(1, 2, 3))
    assert area.max() < 2 * LARGEST_AREA
    assert area.quantile(0.9) > 8 * area.quantile(0.1)


def test_defects_fall_everywhere():
    torch.manual_seed(0)
    covered = (random_shapes(grain(400)) > 0.5).float().mean(dim=0)[0]
    quarters = covered.unfold(0, 32, 32).unfold(1, 32, 32).mean(dim=(2, 3))
    assert quarters.min() > 0.5 * quarters.max()


def test_defects_fall_oftener_on_a_part_than_on_the_table():
    torch.manual_seed(0)
    x = torch.zeros(400, 1, 64, 64)
    x[:, :, 16:48, 16:48] = grain(400, 1, 32)
    covered = (random_shapes(x) > 0.5).float().mean(dim=(0, 1))
    part, everywhere = covered[16:48, 16:48].mean(), covered.mean()
    assert 1.5 * everywhere < part < 3.9 * everywhere  # a quarter of the image


@pytest.mark.parametrize("make", MATERIALS)
def test_every_material_differs_from_the_image_it_replaces(make):
    torch.manual_seed(0)
    x = grain(6, 3)
    chosen = torch.tensor([4, 1, 2])
    found = make(x, chosen)
    assert found.shape == (3, 3, 64, 64)
    assert ((found - x[chosen]).abs().mean(dim=(1, 2, 3)) > VISIBLE).all()


def test_a_flat_surface_gets_defects_too():
    torch.manual_seed(0)
    _, mask = synthetic_defects(torch.full((200, 1, 32, 32), 0.5), 1.0)
    # Only noise and shade show on it: pieces of itself, moved or smeared, are no defects, and their masks are empty.
    assert 0.2 < mask.flatten(1).any(dim=1).float().mean() < 0.6


def test_noise_has_the_spread_it_promises():
    torch.manual_seed(0)
    noise = random_noise(grain(50), 2, coarsest=16, finest=32, longest=1)
    assert noise.shape == (50, 2, 64, 64)
    assert noise.mean().item() == pytest.approx(0, abs=0.05)
    assert 0.5 < noise.std().item() < 1.1
