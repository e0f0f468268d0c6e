"""A loss never broadcasts, and damages only what goes in."""

import pytest
import torch

from sablier.errors import ConfigError
from sablier.models import create_model
from sablier.training.objectives import Reconstruction, mean_squared_error
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
    model = create_model("course_dense", (28, 28, 1))
    model.decode = lambda z: torch.zeros(len(z), 28, 28)
    with pytest.raises(ValueError, match="equal shapes"):
        next(Reconstruction().losses(model, Batch(torch.zeros(4, 1, 28, 28))))


@pytest.mark.parametrize("objective", [Reconstruction(noise=0.5), Reconstruction(mask=0.5)])
def test_the_input_is_damaged_and_the_target_is_not(objective):
    model = create_model("course_dense", (8, 8, 1))
    seen = []
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
