"""Two players in one loop: each moves alone, the penalty is the squared gradient, and a stopped game goes on to the bit."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from sablier.errors import ConfigError, Interrupted
from sablier.images import ImageSet, Preprocess, load_dataset
from sablier.models import create_model
from sablier.models.adversarial import AdversarialPair
from sablier.models.base import Model
from sablier.training.config import FitConfig
from sablier.training.loop import fit
from sablier.training.objectives import Adversarial
from sablier.training.objectives.adversarial import energy_distance
from sablier.transforms.batches import Batch, Batches

RULE = Preprocess(height=8, width=8, channels=1)
SETTINGS: dict[str, Any] = {
    "epochs": 4, "batch_size": 64, "threads": 1, "optimizer": "adam", "beta1": 0.0, "learning_rate": 1e-3, "weight_decay": 0.0,
    "ema": 0.99, "gradient_clip": 0.0, "dtype": "float32",
}  # fmt: skip


class Linear(AdversarialPair):
    """A generator of flat images and a discriminator that weighs the pixels: everything can be computed by hand."""

    def __init__(self, weight: float = 0.5) -> None:
        generator = nn.Sequential(nn.Linear(3, 16), nn.Unflatten(1, (1, 4, 4)))
        discriminator = nn.Sequential(nn.Flatten(), nn.Linear(16, 1, bias=False))
        super().__init__((4, 4, 1), 3, generator, discriminator)
        nn.init.constant_(next(discriminator.parameters()), weight)


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    return load_dataset("digits").take(range(200))


def played(digits: ImageSet, checkpoint: Path | None = None, stop: int = 0, **settings: Any) -> Model:
    """Train small nets; with `stop`, end after so many steps as Ctrl-C does."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = create_model("gan", (8, 8, 1), latent=4, width=4, discriminator_width=4)
    steps = 0

    def on_progress(progress) -> None:
        nonlocal steps
        steps += 1
        if steps == stop:
            raise KeyboardInterrupt

    fit(
        model, Batches(digits, RULE), Adversarial(), FitConfig(**SETTINGS | settings), checkpoint=checkpoint,
        on_progress=on_progress,
    )  # fmt: skip
    return model


def test_the_penalty_is_the_squared_gradient_at_real_and_at_drawn_images():
    model, x = Linear(weight=0.5), torch.rand(5, 1, 4, 4)
    group, loss, parts = next(Adversarial(gamma=3.0).losses(model, Batch(x)))
    assert group == "discriminator"
    # The discriminator sees 2 x - 1, so its slope at each of 16 pixels is twice its weight.
    assert parts["r1"].item() == pytest.approx(16 * 1.0)
    assert parts["r2"].item() == pytest.approx(16 * 1.0)
    assert loss.item() == pytest.approx(parts["adversarial"].item() + 3.0 / 2 * 32, rel=1e-5)


def test_the_loss_compares_each_real_image_with_a_drawn_one():
    model, x = Linear(weight=0.1), torch.rand(6, 1, 4, 4)
    torch.manual_seed(0)
    drawn = model.generate(torch.randn(6, 3)).detach()
    torch.manual_seed(0)
    (_, judging, _), (_, drawing, _) = Adversarial(gamma=0.0).losses(model, Batch(x))
    apart = model.discriminate(x) - model.discriminate(drawn)
    assert judging.item() == pytest.approx(torch.log1p(torch.exp(-apart)).mean().item(), rel=1e-4)
    assert drawing.item() == pytest.approx(torch.log1p(torch.exp(apart)).mean().item(), rel=1e-4)


def test_players_who_cannot_tell_are_even():
    losses = [loss.item() for _, loss, _ in Adversarial().losses(Linear(weight=0.0), Batch(torch.rand(4, 1, 4, 4)))]
    assert losses == pytest.approx([math.log(2)] * 2)


def test_each_turn_moves_one_player_only():
    model: Any = create_model("gan", (8, 8, 1), latent=4, width=4, discriminator_width=4)
    turns = Adversarial().losses(model, Batch(torch.rand(8, 1, 8, 8)))
    for name, mine, other in (("discriminator", model.discriminator, model.generator),
                              ("generator", model.generator, model.discriminator)):  # fmt: skip
        group, loss, _ = next(turns)
        assert group == name
        model.zero_grad(set_to_none=True)
        loss.backward()
        assert any(value.grad is not None for value in mine.parameters())
        assert all(value.grad is None for value in other.parameters())
    assert next(turns, None) is None
    assert all(value.requires_grad for value in model.parameters())


def test_the_players_are_all_there_is():
    model = create_model("gan", (8, 8, 1))
    parameter_groups = Adversarial().parameter_groups(model)
    assert sum(len(parameters) for parameters in parameter_groups.values()) == len(list(model.parameters()))


def test_both_players_learn(digits):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        before = create_model("gan", (8, 8, 1), latent=4, width=4, discriminator_width=4).state_dict()
    after = played(digits).state_dict()
    assert all(not torch.equal(value, before[name]) for name, value in after.items())


@pytest.mark.parametrize("stop", [1, 9, 10])
def test_a_stopped_game_goes_on_to_the_bit(digits, tmp_path, stop):
    whole = played(digits).state_dict()
    with pytest.raises(Interrupted):
        played(digits, tmp_path / "run.resume", stop)
    resumed = played(digits, tmp_path / "run.resume").state_dict()
    assert all(torch.equal(value, whole[name]) for name, value in resumed.items())


def test_looking_at_the_model_does_not_change_the_game(digits):
    seen = []

    def look(epoch: int, model: Model) -> None:
        torch.rand(3)
        seen.append((epoch, model.training, model.sample(4, torch.Generator().manual_seed(0))))

    model = create_model("gan", (8, 8, 1), latent=4, width=4, discriminator_width=4)
    again = create_model("gan", (8, 8, 1), latent=4, width=4, discriminator_width=4)
    again.load_state_dict(model.state_dict())
    for each, on_epoch in ((model, look), (again, None)):
        fit(each, Batches(digits, RULE), Adversarial(), FitConfig(**SETTINGS), on_epoch=on_epoch)
    assert [(epoch, training) for epoch, training, _ in seen] == [(1, False), (2, False), (3, False), (4, False)]
    assert not torch.equal(seen[0][2], seen[1][2])
    # What is seen at the end is what the model is left with: the average of its weights.
    assert torch.equal(seen[-1][2], model.sample(4, torch.Generator().manual_seed(0)))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


def test_another_model_than_a_pair_is_refused():
    with pytest.raises(ConfigError, match="expected a model of a generator and a discriminator, such as gan, got bottleneck"):
        Adversarial().parameter_groups(create_model("bottleneck", (8, 8, 1)))


@pytest.mark.parametrize("gamma", [-1.0, float("nan"), 1e7])
def test_gamma_has_limits(gamma):
    with pytest.raises(ConfigError, match="expected gamma from 0"):
        Adversarial(gamma=gamma)


# Validation: a distance between what is drawn and what is real, without labels.


def test_the_energy_distance_is_that_of_its_definition():
    a, b = torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0], [1.0], [4.0]])
    # Between: (1 + 1 + 4 + 1 + 1 + 2) / 6; within: 2, and (0 + 3 + 3) / 3.
    assert energy_distance(a, b).item() == pytest.approx(2 * 10 / 6 - 2 - 2)


def test_a_generator_that_repeats_itself_is_farther_away(digits):
    x = Batches(digits, RULE).take(slice(None)).x

    class Drawer(Linear):
        def __init__(self, drawn):
            super().__init__()
            self.drawn = drawn

        def sample(self, count, generator):
            return self.drawn

    some, others = x[:100], x[100:]
    same, varied = (Adversarial().validate(Drawer(drawn), Batch(others)).item() for drawn in (x[:1].repeat(100, 1, 1, 1), some))
    assert abs(varied) < 0.02
    assert same > 10 * abs(varied)


def test_validation_draws_the_same_each_time():
    model, batch = create_model("gan", (8, 8, 1), latent=4).eval(), Batch(torch.rand(20, 1, 8, 8))
    with torch.no_grad():
        assert Adversarial().validate(model, batch).item() == Adversarial().validate(model, batch).item()
