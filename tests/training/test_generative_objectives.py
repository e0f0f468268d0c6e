"""Objectives of models that draw: what they cost, whom they move, and which networks they refuse."""

from typing import Any

import pytest
import torch

from sablier.errors import ConfigError
from sablier.images import ImageSet, Preprocess, read_images
from sablier.models import create_model
from sablier.training.config import FitConfig
from sablier.training.loop import fit
from sablier.training.objectives import FlowMatching, RegularisedReconstruction, Variational
from sablier.transforms.batches import Batch, Batches

RULE = Preprocess(height=8, width=8, channels=1)


def test_short_codes_cost_less_and_noise_on_codes_costs():
    model, batch = create_model("bottleneck", (8, 8, 1), latent=4, width=8), Batch(torch.rand(16, 1, 8, 8))
    model.initialise(batch.x, 0)
    plain, penalised = (next(RegularisedReconstruction(penalty, 0.0).losses(model, batch))[1].item() for penalty in (0.0, 0.5))
    size = model.encode(batch.x).square().mean().item()
    assert penalised == pytest.approx(plain + 0.5 * size)
    _, noisy, parts = next(RegularisedReconstruction(0.0, 0.5).losses(model, batch))
    assert noisy.item() > plain
    assert parts["error"].item() == noisy.item()
    assert RegularisedReconstruction(0.5, 0.5).validate(model, batch).item() == pytest.approx(plain)


def test_the_divergence_is_that_of_two_gaussians():
    from torch.distributions import Normal, kl_divergence

    model: Any = create_model("variational", (8, 8, 1), latent=4, width=8)
    batch = Batch(torch.rand(16, 1, 8, 8))
    model.initialise(batch.x, 0)
    mean, log_variance = model.posterior(batch.x)
    expected = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(dim=1).mean().item() / 64
    _, loss, parts = next(Variational(2.0).losses(model, batch))
    assert parts["divergence"].item() == pytest.approx(expected, rel=1e-5)
    assert loss.item() == pytest.approx(0.5 * (parts["error"] + 1e-6).log().item() + 2 * expected, rel=1e-4)


def test_codes_of_the_variational_autoencoder_come_to_follow_one_gaussian():
    digits = read_images("digits")
    model: Any = create_model("variational", (8, 8, 1), latent=4, width=8)
    fit(model, Batches(digits, RULE), Variational(), FitConfig(steps=80, batch_size=64, learning_rate=1e-2, dtype="float32"))
    with torch.no_grad():
        mean, log_variance = model.posterior(Batches(digits, RULE).take(slice(None)).x)
    whole = mean.var(dim=0) + log_variance.exp().mean(dim=0)
    assert torch.allclose(whole, torch.ones(4), atol=0.25)
    assert mean.mean(dim=0).abs().max() < 0.25


def test_a_code_is_drawn_in_training_and_is_the_middle_otherwise():
    model, x = create_model("variational", (8, 8, 1), latent=4, width=8), torch.rand(3, 1, 8, 8)
    model.initialise(torch.rand(50, 1, 8, 8), 0)
    assert not torch.equal(model.train().reconstruct(x), model.reconstruct(x))
    assert torch.equal(model.eval().reconstruct(x), model.decode(model.encode(x)))


def test_a_flow_leads_noise_to_the_data():
    random = torch.Generator().manual_seed(0)
    # Two clumps, in numbers that are not of spread 1.
    codes = (torch.randint(2, (2000, 1), generator=random) * 40.0 - 7 + torch.randn(2000, 2, generator=random)).numpy()
    column = ImageSet(codes[:, :, None, None])
    rule = Preprocess(height=2, width=1, channels=1, dtype="float32", black=0, white=1, bounded=False)
    flow = create_model("flow", (2, 1, 1), width=32, blocks=1)
    fit(flow, Batches(column, rule), FlowMatching(), FitConfig(steps=300, batch_size=128, megapixels=1e6, learning_rate=1e-2))
    drawn = flow.sample(1000, torch.Generator().manual_seed(1)).detach().flatten(1)
    low, high = drawn.mean(dim=1) < 0, drawn.mean(dim=1) > 20
    assert (low | high).float().mean() > 0.95
    assert 0.4 < low.float().mean() < 0.6
    assert drawn[low].mean().item() == pytest.approx(-7, abs=1)
    assert drawn[low].std(dim=0).max() < 3


def test_flow_matching_validates_with_the_same_noise_each_time():
    flow, batch = create_model("flow", (4, 1, 1), width=8, blocks=1), Batch(torch.rand(20, 1, 4, 1))
    assert FlowMatching().validate(flow, batch).item() == FlowMatching().validate(flow, batch).item()
    # A flow that stands still is wrong by the whole way: the spread of noise and that of the data.
    flow.initialise(batch.x, 0)
    assert FlowMatching().validate(flow, batch).item() == pytest.approx(2, abs=0.6)


@pytest.mark.parametrize("objective", [Variational(), FlowMatching()])
def test_a_network_that_cannot_is_refused(objective):
    with pytest.raises(ConfigError, match="model bottleneck"):
        objective.parameter_groups(create_model("bottleneck", (8, 8, 1)))


@pytest.mark.parametrize("make", [lambda: RegularisedReconstruction(-1), lambda: RegularisedReconstruction(code_noise=11)])
def test_regularisation_has_limits(make):
    with pytest.raises(ConfigError, match="expected code_"):
        make()


def test_divergence_has_limits():
    with pytest.raises(ConfigError, match="expected divergence from 0"):
        Variational(-1)
