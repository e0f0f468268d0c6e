"""A compiled step gives what a plain one gives."""

import shutil

import pytest
import torch

from sablier.images import Preprocess, load_dataset
from sablier.models import create_model
from sablier.training.config import FitConfig
from sablier.training.loop import fit
from sablier.training.objectives import Reconstruction
from sablier.transforms.batches import Batches


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler: install g++")
@pytest.mark.filterwarnings("ignore")  # torch's own, of its compiler
def test_compiled_training_ends_at_the_same_loss():
    batches = Batches(load_dataset("digits").take(range(64)), Preprocess(height=8, width=8, channels=1))
    losses, models = [], []
    for compiled in (False, True):
        torch.manual_seed(0)
        models.append(create_model("course_dense", (8, 8, 1), latent=8))
        history = fit(models[-1], batches, Reconstruction(), FitConfig(epochs=2, batch_size=32, compile=compiled))
        losses.append(history.rows[-1]["loss"])
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
    assert "reconstruct" not in vars(models[1])  # nothing compiled is left behind
