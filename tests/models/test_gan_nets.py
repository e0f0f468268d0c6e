"""The generator and the discriminator of a GAN."""

from typing import Any

import pytest
import torch

from sablier.models import create_model
from sablier.models.adversarial import SLOPE, level_sides


def drawn(model, count=8, seed=0):
    with torch.no_grad():
        return model.sample(count, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (33, 47, 3)])
def test_what_is_drawn_has_the_images_shape_and_range(shape):
    model: Any = create_model("gan", shape, latent=5)
    with torch.no_grad():
        for parameter in model.generator.parameters():
            parameter.mul_(4)
    images = drawn(model)
    assert images.shape == (8, shape[2], *shape[:2])
    assert 0 <= images.min() < images.max() <= 1


def test_the_same_seed_draws_the_same_and_another_does_not():
    model: Any = create_model("gan", (8, 8, 1))
    state = torch.get_rng_state()
    assert torch.equal(drawn(model), drawn(model))
    assert not torch.equal(drawn(model), drawn(model, seed=1))
    assert not torch.equal(drawn(model)[0], drawn(model)[1])
    assert torch.equal(torch.get_rng_state(), state)


def test_it_starts_about_as_bright_as_the_images():
    model: Any = create_model("gan", (28, 28, 3))
    x = torch.tensor([0.1, 0.5, 0.8]).reshape(1, 3, 1, 1).repeat(6, 1, 28, 28)
    model.initialise(x, seed=0)
    middle = model.generate(torch.zeros(1, 64))
    torch.testing.assert_close(middle.mean(dim=(0, 2, 3)), torch.tensor([0.1, 0.5, 0.8]), atol=0.1, rtol=0)


def test_images_that_are_all_black_can_be_left_again():
    model: Any = create_model("gan", (8, 8, 1))
    with torch.no_grad():
        model.generator.leave.bias.fill_(-60.0)
    assert drawn(model).max() == 0
    model.generate(torch.randn(4, 64)).sum().backward()
    assert model.generator.leave.bias.grad.abs() > 1


def test_there_is_no_normalisation():
    kinds = {type(module).__name__ for module in create_model("gan", (28, 28, 1)).modules()}
    assert not [kind for kind in kinds if "Norm" in kind]
    assert SLOPE == 0.2


def test_images_of_a_batch_are_judged_apart():
    model: Any = create_model("gan", (12, 12, 1))
    x = torch.rand(6, 1, 12, 12)
    with torch.no_grad():
        torch.testing.assert_close(model.discriminate(x)[:2], model.discriminate(x[:2]))


def test_halving_ends_at_the_coarsest_level():
    assert level_sides((64, 5)) == [(64, 5), (32, 3), (16, 2), (8, 1), (4, 1)]
    assert level_sides((7, 7)) == [(7, 7)]
