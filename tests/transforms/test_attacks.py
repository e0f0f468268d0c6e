"""Attacks: they stay in their ball, they fool what can be fooled, and the stronger ones fool more."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from torch import nn

from sablier.errors import ConfigError
from sablier.images import read_images
from sablier.transforms.attacks import (
    ATTACKS,
    ApgdCe,
    ApgdDlr,
    ApgdTargeted,
    DeepFool,
    Fgsm,
    Pgd,
    Square,
    Standard,
    misclassified,
)


def tensors(images):
    x = torch.from_numpy(images.array / np.float32(255)).permute(0, 3, 1, 2).contiguous()
    return x, torch.from_numpy(np.unique(images.labels, return_inverse=True)[1])


@pytest.fixture(scope="module")
def digits():
    return tensors(read_images("digits:test"))


@pytest.fixture(scope="module")
def net():
    """A small net that is right about 97 % of the digits."""
    x, labels = tensors(read_images("digits"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = (
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 16, 3, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(256, 10),
        )
        found = nn.Sequential(*layers)
        optimizer = torch.optim.Adam(found.parameters(), 3e-3)
        for _ in range(120):
            rows = torch.randint(len(x), (128,))
            optimizer.zero_grad()
            nn.functional.cross_entropy(found(x[rows]), labels[rows]).backward()
            optimizer.step()
    return found.eval().requires_grad_(False)


def accuracy(net, x, labels) -> float:
    return float((~misclassified(net(x), labels)).float().mean())


LONG = ("apgd-t", "standard")  # which attack every class in turn
EACH = [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in ATTACKS]


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("name", EACH)
def test_it_stays_in_the_ball_and_in_range_and_fools(name, norm, net, digits):
    if name == "square" and norm == "l2":
        pytest.skip("square has no ball in l2")
    eps = {"linf": 0.1, "l2": 0.7}[norm]
    x, labels = (each[:100] for each in digits)
    attack = ATTACKS[name](eps=eps, norm=norm)
    moved = attack(net, x, labels)
    change = (moved - x).flatten(1)
    size = change.abs().amax() if norm == "linf" else change.norm(dim=1).max()
    assert size <= eps + 1e-5
    assert moved.min() >= 0
    assert moved.max() <= 1
    assert not moved.requires_grad
    assert accuracy(net, x, labels) > 0.9
    assert accuracy(net, moved, labels) < 0.7


@pytest.mark.parametrize("name", EACH)
def test_the_same_seed_attacks_the_same_and_the_generator_is_left_alone(name, net, digits):
    x, labels = (each[:20] for each in digits)
    state = torch.get_rng_state()
    attack = ATTACKS[name](eps=0.1)
    assert torch.equal(attack(net, x, labels), attack(net, x, labels))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_to_do(name, net, digits):
    x, labels = digits
    assert torch.equal(ATTACKS[name](eps=0.0)(net, x[:3], labels[:3]), x[:3])
    assert ATTACKS[name]()(net, x[:0], labels[:0]).shape == (0, 1, 8, 8)


@pytest.mark.slow
def test_stronger_attacks_leave_less(net, digits):
    x, labels = digits
    left = {name: accuracy(net, ATTACKS[name](eps=0.08)(net, x, labels), labels) for name in ("fgsm", "pgd", "apgd", "apgd-t")}
    assert left["pgd"] <= left["fgsm"]
    assert left["apgd"] <= left["pgd"] + 0.005
    assert left["apgd-t"] <= left["apgd"]


def test_a_larger_ball_leaves_nothing(net, digits):
    x, labels = (each[:60] for each in digits)
    for attack in (Pgd(0.6), ApgdCe(0.6), ApgdDlr(0.6), ApgdTargeted(0.6), Square(0.6)):
        assert accuracy(net, attack(net, x, labels), labels) < 0.05, attack


def test_a_step_of_fgsm_is_the_sign_of_the_gradient():
    weight = torch.tensor([[1.0, -2.0], [0.0, 0.5]])
    x = torch.full((1, 1, 1, 2), 0.5)
    moved = Fgsm(0.1)(lambda images: images.flatten(1) @ weight.T, x, torch.tensor([0]))
    assert moved.flatten().tolist() == pytest.approx([0.4, 0.6])


def test_deepfool_goes_just_across_the_border():
    weight = torch.tensor([[4.0, 0.0], [0.0, 0.0]])

    def logits(images):
        return images.flatten(1) @ weight.T - torch.tensor([1.0, 0.0])

    moved = DeepFool(1.0, "l2")(logits, torch.tensor([[[[0.35, 0.5]]]]), torch.tensor([0]))
    assert moved.flatten().tolist() == pytest.approx([0.25 - 0.02 * 0.1, 0.5], abs=1e-4)


def test_scaling_the_logits_does_not_save_a_net_from_the_ratio(net, digits):
    x, labels = (each[:80] for each in digits)

    def sure(images):
        return 1e6 * net(images)

    assert accuracy(sure, ApgdCe(0.1)(sure, x, labels), labels) > accuracy(sure, ApgdDlr(0.1)(sure, x, labels), labels) + 0.1


def test_two_classes_can_be_attacked_too(digits):
    x, labels = digits
    few = (labels < 2).nonzero()[:20, 0]
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    right = net(x[few]).argmax(dim=1)
    for name in ATTACKS:
        assert misclassified(net(ATTACKS[name](eps=0.5)(net, x[few], right)), right).float().mean() > 0.8, name


@pytest.mark.parametrize("name", ATTACKS)
def test_bad_input_is_refused(name, net, digits):
    x, labels = (each[:4] for each in digits)
    kind = ATTACKS[name]
    for eps in (-0.1, 1.5, float("nan")):
        with pytest.raises(ConfigError, match="expected eps from 0 to 1"):
            kind(eps=eps)
    with pytest.raises(ConfigError, match="norm linf or l2"):
        kind(norm="l1")
    with pytest.raises(ConfigError, match="a label for each image"):
        kind()(net, x, labels[:3])
    with pytest.raises(ConfigError, match=r"pixels in \[0, 1\]"):
        kind()(net, x * 255, labels)
    for option in {"steps", "restarts", "queries", "targets", "target_steps"} & {item.name for item in fields(kind)}:
        with pytest.raises(ConfigError, match="at least"):
            kind(**{option: 0})  # type: ignore[arg-type]


@pytest.mark.slow
def test_standard_leaves_no_more_than_its_members(net, digits):
    x, labels = (each[:200] for each in digits)
    left = {type(each): accuracy(net, each(net, x, labels), labels) for each in Standard(0.08).members()}
    assert len(left) == 3
    assert accuracy(net, Standard(0.08)(net, x, labels), labels) <= min(left.values()) + 0.005
    assert [type(each).__name__ for each in Standard(0.5, "l2").members()] == ["ApgdCe", "ApgdTargeted"]


def test_standard_asks_no_more_about_who_is_beaten(net, digits):
    x, labels = (each[:50] for each in digits)
    asked = []

    def counting(images):
        asked.append(len(images))
        return net(images)

    attack = Standard(0.6)
    assert accuracy(net, attack(counting, x, labels), labels) == 0
    assert sum(asked) < 50 * 40
