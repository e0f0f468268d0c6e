"""What a classifier is shown, and what it is trained to withstand."""

import numpy as np
import pytest
import torch

from sablier.errors import ConfigError
from sablier.images import ImageSet, Preprocess, read_images
from sablier.models import create_model
from sablier.training.config import FitConfig
from sablier.training.loop import fit
from sablier.training.objectives import Classification, RobustClassification
from sablier.training.objectives.classification import true_classes
from sablier.transforms.attacks import Pgd
from sablier.transforms.batches import Batch, Batches


def batch(epoch=0, channels=3, count=64):
    torch.manual_seed(0)
    return Batch(torch.rand(count, channels, 8, 8), torch.zeros(count, dtype=torch.long), torch.arange(count), epoch)


def test_every_image_is_seen_in_a_mirror_every_other_time():
    seen = [Classification(mirror="yes").shown(None, batch(epoch)) for epoch in range(3)]
    x = batch().x
    turned = torch.tensor([not torch.equal(a, b) for a, b in zip(seen[0], x, strict=True)])
    assert 16 < turned.sum() < 48
    assert torch.equal(seen[1], torch.where(turned[:, None, None, None], x, x.flip(3)))
    assert torch.equal(seen[2], seen[0])


def test_auto_mirrors_colour_alone():
    automatic = Classification(mirror="auto")
    assert not torch.equal(automatic.shown(None, batch()), batch().x)
    assert torch.equal(automatic.shown(None, batch(channels=1)), batch(channels=1).x)
    with pytest.raises(ConfigError, match="expected mirror to be one of auto, yes, no"):
        Classification(mirror="sometimes")  # type: ignore[arg-type]


def test_a_shift_alone_blurs_nothing():
    x = batch(channels=1).x
    shown = Classification(shift=0.25).shown(None, Batch(x))
    assert not torch.equal(shown, x)
    assert np.isin(shown.numpy(), x.numpy()).all()


def test_what_a_robust_net_is_shown_stays_in_the_ball_and_is_harder():
    torch.manual_seed(0)
    net, objective = create_model("strided_convnet", (8, 8, 1), width=8), RobustClassification(eps=0.2, ramp_epochs=2)
    for epoch, eps in ((0, 0.1), (1, 0.2), (5, 0.2)):
        given = batch(epoch, channels=1)
        shown = objective.shown(net, given)
        assert (shown - given.x).abs().max().item() == pytest.approx(eps, abs=1e-6)
        assert shown.min() >= 0
        assert shown.max() <= 1
        plain, attacked = (torch.nn.functional.cross_entropy(net.classify(x), given.labels) for x in (given.x, shown))
        assert attacked > plain
    assert net.training  # as it was


@pytest.mark.parametrize(("channels", "eps"), [(1, 0.3), (3, 8 / 255)])
def test_a_ball_that_is_not_named_fits_grey_digits_or_colour(channels, eps):
    torch.manual_seed(0)
    given = batch(5, channels=channels)
    shown = RobustClassification().shown(create_model("strided_convnet", (8, 8, channels), width=8), given)
    assert (shown - given.x).abs().max().item() == pytest.approx(eps, abs=1e-6)


@pytest.mark.parametrize(("setting", "value"), [("eps", 1.5), ("eps", -0.1), ("attack_steps", 0)])
def test_impossible_attacks_are_refused(setting, value):
    with pytest.raises(ConfigError, match=setting):
        RobustClassification(**{setting: value})


def test_a_net_trained_on_attacked_digits_withstands_more():
    digits = read_images("digits")
    rule = Preprocess.for_images(digits, 64)
    tests = Batches(read_images("digits:test").take(range(200)).dense(rule), rule).take(slice(None))
    standing = {}
    for objective in (Classification(), RobustClassification(eps=0.15, attack_steps=3)):
        torch.manual_seed(0)
        net = create_model("strided_convnet", (8, 8, 1), width=8)
        fit(
            net,
            Batches(digits.dense(rule), rule),
            objective,
            FitConfig(epochs=12, batch_size=64, learning_rate=5e-3, dtype="float32"),
        )
        moved = Pgd(0.15, steps=20)(net.classify, tests.x, true_classes(tests))
        standing[type(objective)] = float((net.classify(moved).argmax(dim=1) == tests.labels).float().mean())
    assert standing[RobustClassification] > standing[Classification] + 0.2


def test_labels_are_needed():
    images = ImageSet(np.zeros((4, 8, 8), np.uint8))
    rule = Preprocess.for_images(images, 64)
    net = create_model("strided_convnet", (8, 8, 1))
    with pytest.raises(Exception, match="expected images with labels"):
        fit(net, Batches(images.dense(rule), rule), Classification(), FitConfig(epochs=1))
