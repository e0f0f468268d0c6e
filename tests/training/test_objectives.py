"""A loss never broadcasts, and damages only what goes in."""

from typing import Any

import pytest
import torch

from sablier.errors import ConfigError
from sablier.models import create_model
from sablier.models.base import Model
from sablier.training.objectives import (
    Denoising,
    Inpainting,
    NoisyOnly,
    Reconstruction,
    TransformationPrediction,
    mean_squared_error,
)
from sablier.transforms.batches import Batch


@pytest.mark.parametrize("shape", [(4, 28, 28), (4, 3, 28, 28), (1, 1, 28, 28), (4, 1, 28, 1), ()])
def test_a_loss_refuses_shapes_that_differ(shape):
    # The course's own defect: N,28,28 against N,1,28,28 compares every reconstruction with every image.
    with pytest.raises(ValueError, match=r"a loss compares equal shapes, got .* and \(4, 1, 28, 28\)"):
        mean_squared_error(torch.zeros(shape), torch.zeros(4, 1, 28, 28))


def test_the_loss_is_the_mean_of_squares_in_float32():
    a, b = torch.rand(3, 1, 4, 4), torch.rand(3, 1, 4, 4)
    assert mean_squared_error(a, b).item() == pytest.approx(((a - b) ** 2).mean().item())
    assert mean_squared_error(a.bfloat16(), b).dtype == torch.float32


def test_the_objective_refuses_a_model_that_answers_in_another_shape():
    model: Any = create_model("course_dense", (28, 28, 1))
    model.decode = lambda z: torch.zeros(len(z), 28, 28)
    with pytest.raises(ValueError, match="equal shapes"):
        next(Reconstruction().losses(model, Batch(torch.zeros(4, 1, 28, 28))))


@pytest.mark.parametrize("objective", [Reconstruction(noise=0.5), Reconstruction(mask=0.5)])
def test_the_input_is_damaged_and_the_target_is_not(objective):
    model: Any = create_model("course_dense", (8, 8, 1))
    seen: list[torch.Tensor] = []
    model.reconstruct = lambda x: seen.append(x) or torch.zeros_like(x)
    x = torch.rand(5, 1, 8, 8)
    _, loss, _ = next(objective.losses(model, Batch(x)))
    assert not torch.equal(seen[0], x)
    assert loss.item() == pytest.approx((x**2).mean().item())


def test_validation_draws_nothing_at_random():
    model = create_model("bottleneck", (8, 8, 1)).eval()
    batch = Batch(torch.rand(5, 1, 8, 8))
    objective = Reconstruction(noise=0.5, mask=0.5)
    assert objective.validate(model, batch).item() == objective.validate(model, batch).item()


@pytest.mark.parametrize("settings", [{"noise": -0.1}, {"noise": float("nan")}, {"mask": 1.1}, {"mask": -1}])
def test_damage_has_limits(settings):
    with pytest.raises(ConfigError, match=f"expected {next(iter(settings))} from 0 to"):
        Reconstruction(**settings)


class Spy(Model):
    """A model that notes what it is given and returns it."""

    capabilities = frozenset({"reconstruct"})

    def __init__(self):
        super().__init__((16, 16, 1))
        self.seen: list[torch.Tensor] = []

    def reconstruct(self, x):
        self.seen.append(x)
        return x


@pytest.mark.parametrize("corruption", ["gaussian", "poisson", "salt-and-pepper", "missing", "mixed"])
@pytest.mark.parametrize("clip", [True, False])
def test_denoising_damages_the_input_alone(corruption, clip):
    torch.manual_seed(0)
    model, x = Spy(), torch.rand(6, 3, 12, 12)
    _, loss, _ = next(Denoising(corruption, 0.3, 0.5, clip).losses(model, Batch(x)))
    assert not torch.equal(model.seen[0], x)
    assert loss.item() == pytest.approx(((model.seen[0] - x) ** 2).mean().item())
    if clip:
        assert 0 <= model.seen[0].min() <= model.seen[0].max() <= 1


def test_noise_of_floats_is_not_clipped():
    model = Spy()
    next(Denoising("gaussian", 1, 1, clip=False).losses(model, Batch(torch.rand(4, 1, 16, 16))))
    assert model.seen[0].min() < 0
    assert model.seen[0].max() > 1


def test_the_level_is_learnt_where_the_model_tells_it():
    model = create_model("unet", (16, 16, 1), width=8, blocks=1)
    _, loss, parts = next(Denoising().losses(model, Batch(torch.rand(4, 1, 16, 16))))
    assert set(parts) == {"error", "level_error"}
    assert loss.item() == pytest.approx(parts["error"].item() + parts["level_error"].item())


def test_denoising_validates_with_the_same_noise_each_time():
    model, batch = Spy(), Batch(torch.rand(4, 1, 16, 16))
    assert Denoising().validate(model, batch).item() == Denoising().validate(model, batch).item()
    assert NoisyOnly().validate(model, batch).item() == NoisyOnly().validate(model, batch).item()


def test_recorrupted_pairs_teach_what_clean_targets_would():
    # Among maps x -> a x, the one that noisy images alone prefer is the one that clean targets do at the recorrupted noise.
    torch.manual_seed(0)
    clean = torch.rand(4000, 1, 8, 1).repeat(1, 1, 1, 8)  # smooth along rows: its diagonal details are all noise
    share, sigma = 0.8, 0.5
    noisy = clean + sigma * torch.randn_like(clean)

    class Scaled(Model):
        capabilities = frozenset({"reconstruct"})

        def __init__(self, factor):
            super().__init__((8, 8, 1))
            self.factor = factor

        def reconstruct(self, x):
            return self.factor * x

    factors = torch.linspace(0, 1, 41)
    objective = NoisyOnly(share, share)
    losses = []
    for factor in factors:
        torch.manual_seed(1)
        losses.append(next(objective.losses(Scaled(factor), Batch(noisy)))[1].item())
    power = (clean**2).mean()
    best = power / (power + sigma**2 * (1 + share**2))
    assert factors[torch.tensor(losses).argmin()].item() == pytest.approx(best.item(), abs=0.05)


@pytest.mark.parametrize("kind", [Denoising, NoisyOnly])
@pytest.mark.parametrize(("low", "high"), [(-0.1, 1), (0.5, 0.2), (0, 11), (float("nan"), 1)])
def test_levels_have_limits(kind, low, high):
    with pytest.raises(ConfigError, match="expected 0 <= noise_low <= noise_high <= 10"):
        kind(noise_low=low, noise_high=high)


def test_mixed_noise_is_validated_on_every_kind():
    model, batch = Spy(), Batch(torch.rand(4, 1, 16, 16))
    whole = Denoising("mixed").validate(model, batch).item()
    assert len(model.seen) == 4
    each = [Denoising(kind).validate(Spy(), batch).item() for kind in ("gaussian", "poisson", "salt-and-pepper", "missing")]
    assert whole == pytest.approx(sum(each) / 4, rel=0.2)


def test_an_unknown_corruption_is_said():
    with pytest.raises(ConfigError, match=r"expected corruption to be one of gaussian, poisson.*, got 'gausian'"):
        Denoising("gausian")  # type: ignore[arg-type]


class Seer(Model):
    """A network that knows what it saw first, and says how a batch differs from it."""

    def __init__(self) -> None:
        super().__init__((8, 8, 1))
        self.batches: list[torch.Tensor] = []

    def classify(self, x: torch.Tensor) -> torch.Tensor:
        self.batches.append(x)
        return torch.zeros(len(x), 17, requires_grad=True)


def test_images_are_turned_at_random_and_guessing_costs_the_logarithm_of_the_choices():
    seer, x = Seer(), torch.rand(64, 1, 8, 8)
    _, loss, _ = next(TransformationPrediction().losses(seer, Batch(x)))
    assert loss.item() == pytest.approx(torch.log(torch.tensor(8.0 * 9)).item())
    as_they_were = sum(torch.equal(moved, image) for moved, image in zip(seer.batches[0], x, strict=True))
    assert as_they_were < 12  # one in 72, by chance


def test_validation_turns_the_same_way_each_time():
    seer: Any = Seer()
    batch = Batch(torch.rand(20, 3, 6, 9))
    seer.classify = lambda x: seer.batches.append(x) or torch.zeros(len(x), 13)
    for _ in range(2):
        TransformationPrediction().validate(seer, batch)
    assert torch.equal(*seer.batches)


@pytest.mark.parametrize("shift", [0, -0.1, 0.6, float("nan")])
def test_a_shift_has_limits(shift):
    with pytest.raises(ConfigError, match="expected shift above 0"):
        TransformationPrediction(shift=shift)


class Blind(Model):
    """A network that expects grey everywhere, as surely as it is told to."""

    def __init__(self, log_variance: float) -> None:
        super().__init__((32, 32, 3))
        self.log_variance = log_variance
        self.masks: list[torch.Tensor] = []

    def inpaint(self, x: torch.Tensor, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.masks.append(hidden)
        return torch.full_like(x, 0.5), torch.full_like(hidden, self.log_variance)


def test_only_hidden_places_surprise_and_being_wrongly_sure_costs_most():
    x = torch.full((2, 3, 32, 32), 0.75)
    right, sure = (next(Inpainting().losses(Blind(log_variance), Batch(x)))[1].item() for log_variance in (-2.77, -8.0))
    assert right == pytest.approx(0.0625 * 2.718281828**2.77 - 2.77, abs=1e-3)
    assert sure > right
    blind = Blind(0.0)
    next(Inpainting().losses(blind, Batch(x)))
    assert blind.masks[0].mean().item() == pytest.approx(0.25, abs=0.15)


def test_validation_hides_the_same_squares_each_time():
    blind, x = Blind(0.0), torch.rand(1, 1, 32, 32)
    assert Inpainting().validate(blind, Batch(x)).item() == Inpainting().validate(blind, Batch(x)).item()
    assert [hidden.mean().item() for hidden in blind.masks[:3]] == [0.25] * 3


@pytest.mark.parametrize("squares", [(1, 4), (8, 4), (4, 300)])
def test_squares_have_limits(squares):
    with pytest.raises(ConfigError, match="fewest_squares <= most_squares"):
        Inpainting(*squares)
