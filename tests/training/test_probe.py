"""The start-up probe chooses a type and leaves no trace."""

import pytest
import torch

from sablier.models import create_model
from sablier.training import probe
from sablier.training.objectives import Classification, Reconstruction
from sablier.transforms.batches import Batch


def test_a_short_run_is_not_worth_probing():
    model, batch = create_model("bottleneck", (8, 8, 1)), Batch(torch.rand(4, 1, 8, 8))
    assert probe.choose_dtype(model, Reconstruction(), batch, total_steps=10) == torch.float32


@pytest.mark.parametrize(
    ("name", "objective"), [("bottleneck", Reconstruction(noise=0.3)), ("whitened_convnet", Classification())]
)
def test_a_probe_leaves_weights_gradients_and_randomness_as_they_were(name, objective, monkeypatch):
    monkeypatch.setattr(probe, "WORTH_PROBING", 0)
    monkeypatch.setattr(probe, "TRIALS", 2)
    model, batch = create_model(name, (8, 8, 1)).train(), Batch(torch.rand(4, 1, 8, 8), torch.arange(4))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    state = torch.get_rng_state()
    assert probe.choose_dtype(model, objective, batch, 10) in (torch.float32, torch.bfloat16)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(torch.get_rng_state(), state)
