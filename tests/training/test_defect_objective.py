"""The loss on synthetic defects: what it counts, and that a segmenter learns from it what it has not been shown."""

import math

import pytest
import torch

from sablier.errors import ConfigError
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models.segmenter import Segmenter
from sablier.training.config import FitConfig
from sablier.training.defect_objective import DefectSegmentation, focal_loss
from sablier.training.loop import fit
from sablier.transforms.batches import Batch, Batches


def stripes(count, side=32):
    """Return fine vertical stripes at a random phase and brightness, in [0, 1]."""
    generator = torch.Generator().manual_seed(count)
    phase, light = torch.rand(2, count, 1, 1, 1, generator=generator)
    wave = torch.sin(torch.arange(side) * 1.5 + 6.3 * phase)
    return (0.4 + 0.2 * light + 0.15 * wave).expand(count, 1, side, side).contiguous()


def test_a_right_answer_costs_less_than_none_and_a_wrong_one_more():
    mask = torch.zeros(2, 1, 8, 8)
    mask[0, :, 2:4, 2:4] = 1
    right = focal_loss(8 * mask - 4, mask)
    none = focal_loss(torch.zeros(2, 1, 8, 8), mask)
    wrong = focal_loss(4 - 8 * mask, mask)
    assert right < none < wrong


def test_the_loss_is_a_mean_over_defective_pixels():
    mask = torch.zeros(1, 1, 64, 64)
    mask[:, :, :8, :8] = 1
    missed = focal_loss(torch.where(mask > 0, torch.zeros(()), torch.tensor(-20.0)), mask)
    assert missed.item() == pytest.approx(0.25 * math.log(2))  # a chance of a half, so half wrong, squared


def test_without_any_defect_the_loss_is_finite():
    assert torch.isfinite(focal_loss(torch.randn(2, 1, 8, 8), torch.zeros(2, 1, 8, 8)))


def test_the_loss_refuses_shapes_that_differ():
    with pytest.raises(ValueError, match="a loss compares equal shapes"):
        focal_loss(torch.zeros(2, 8, 8), torch.zeros(2, 1, 8, 8))


@pytest.mark.parametrize("share", [0, -1, 1.5, float("nan")])
def test_a_share_has_limits(share):
    with pytest.raises(ConfigError, match="expected share above 0 and up to 1"):
        DefectSegmentation(share=share)


def test_validation_leaves_the_random_state_and_repeats_itself():
    model, batch, objective = Segmenter((32, 32, 1), 8, 2).eval(), Batch(stripes(6)), DefectSegmentation()
    torch.manual_seed(5)
    first = objective.validate(model, batch)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(1), drawn)
    assert torch.equal(objective.validate(model, batch), first)


def test_a_segmenter_learns_to_show_a_defect_of_a_kind_it_has_not_seen():
    # A clean cross on striped images: no shape that noise gives, filled with the stripes lying across.
    images = ImageSet((stripes(64) * 255).round().byte().permute(0, 2, 3, 1).numpy())
    torch.manual_seed(0)
    model = Segmenter((32, 32, 1), 8, 2)
    config = FitConfig(steps=150, batch_size=16, optimizer="muon", learning_rate=0.02, dtype="float32", ema=0.9)
    fit(model, Batches(images, Preprocess.for_images(images, 32)), DefectSegmentation(), config)
    x = stripes(20)
    mask = torch.zeros(32, 32, dtype=torch.bool)
    mask[10:20, 13:16] = mask[13:16, 10:20] = True
    crossed = torch.where(mask, x.transpose(2, 3), x)
    with torch.no_grad():
        heat, good = model.segment(crossed)[:, 0], model.segment(x)[:, 0]
    inside, outside, before = heat[:, mask].mean(dim=1), heat[:, ~mask].mean(dim=1), good[:, mask].mean(dim=1)
    assert (inside > outside).all()
    assert (inside > before).all()
    assert inside.mean() > outside.mean() + 0.5
