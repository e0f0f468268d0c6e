"""A profile says where a step's time went, and changes nothing else."""

import pytest
import torch

from sablier.images import Preprocess, load_dataset
from sablier.models import create_model
from sablier.training.config import FitConfig
from sablier.training.loop import fit
from sablier.training.objectives import Reconstruction
from sablier.training.profile import PHASES
from sablier.transforms.batches import Batches


def trained(batch_size=10, **settings):
    torch.manual_seed(0)
    model = create_model("bottleneck", (8, 8, 1), latent=4, width=8)
    batches = Batches(load_dataset("digits").take(range(200)), Preprocess(height=8, width=8, channels=1))
    history = fit(model, batches, Reconstruction(), FitConfig(batch_size=batch_size, **settings))
    return model, history


def test_phases_add_up_and_the_weights_are_those_of_a_run_without():
    model, history = trained(epochs=2, profile=True)
    phases = {row["name"]: row for row in history.profile if row["kind"] == "phase"}
    assert set(phases) == {*PHASES, "everything else"}
    assert sum(row["share"] for row in phases.values()) == pytest.approx(1)
    assert all(row["milliseconds"] > 0 for name, row in phases.items() if name in PHASES)
    assert any(row["kind"] == "operator" for row in history.profile)
    plain, without = trained(epochs=2)
    assert without.profile == []
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), plain.parameters(), strict=True))


@pytest.mark.parametrize("batch_size", [10, 40, 100])
def test_a_run_too_short_to_profile_has_none(batch_size):
    _, history = trained(epochs=1, batch_size=batch_size, profile=True)
    assert history.profile == []
