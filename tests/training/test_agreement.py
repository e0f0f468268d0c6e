"""Drawing images again from moved copies: what is moved, what must agree, and what a code then no longer says."""

import pytest
import torch

from sablier.errors import ConfigError
from sablier.images import read_images
from sablier.images.preprocess import Preprocess
from sablier.models import create_model
from sablier.recipes.make import make_recipe
from sablier.training.config import FitConfig
from sablier.training.loop import fit
from sablier.training.objectives import Agreement, Reconstruction
from sablier.training.objectives.agreement import disagreement
from sablier.transforms.affine import moved
from sablier.transforms.batches import Batches


@pytest.fixture(scope="module")
def batches():
    return Batches(read_images("digits").take(range(256)), Preprocess(height=8, width=8, channels=1))


@pytest.fixture
def model(batches):
    torch.manual_seed(0)
    net = create_model("bottleneck", (8, 8, 1), latent=6, width=8)
    net.initialise(batches.take(slice(None)).x, 0)
    return net


@pytest.mark.parametrize("name", ["turn", "shift", "scale", "shear"])
def test_a_moved_copy_is_drawn_as_it_was(model, batches, name):
    batch, most = batches.take(slice(0, 64)), {"turn": 30, "shift": 0.2, "scale": 0.5, "shear": 0.5}[name]
    plain = next(Reconstruction().losses(model, batch))[1]
    objective = Reconstruction(**{name: most})
    assert next(objective.losses(model, batch))[1] > 1.1 * plain  # the target stays, the input moves
    assert objective.validate(model, batch) == Reconstruction().validate(model, batch)


def test_codes_that_differ_or_say_nothing_cost():
    torch.manual_seed(0)
    codes = torch.randn(500, 4)
    assert disagreement(codes, codes) < 0.1
    assert disagreement(codes, codes + 0.5 * torch.randn(500, 4)) > 0.2
    assert disagreement(0 * codes, 0 * codes) > 0.9  # all the same
    assert disagreement(codes[:, :1].expand(-1, 4), codes[:, :1].expand(-1, 4)) > 0.2  # four times the same number
    with pytest.raises(ValueError, match="equal shapes"):
        disagreement(codes, codes[:, :2])


def test_one_image_is_a_batch_too(model, batches):
    loss = next(Agreement(turn=10).losses(model, batches.take(slice(0, 1))))[1]
    assert torch.isfinite(loss)


def test_training_makes_moved_copies_agree(model, batches):
    """How far a code moves with its image, beside how far codes lie apart."""

    def restless():
        torch.manual_seed(1)
        x = batches.take(slice(None)).x
        with torch.no_grad():
            codes, others = model.encode(x), model.encode(moved(x, 25, 0.1))
        return float(((codes - others) ** 2).mean() / codes.var(dim=0).mean())

    before = restless()
    objective = Agreement(turn=25, shift=0.1, agreement=0.3)
    history = fit(model, batches, objective, FitConfig(epochs=12, batch_size=64, ema=0.0))
    assert restless() < 0.75 * before
    assert {"error", "disagreement"} <= set(history.rows[-1])
    assert history.rows[-1]["loss"] < history.rows[0]["loss"]


@pytest.mark.parametrize("settings", [{"turn": 181}, {"shift": -0.1}, {"scale": 2}, {"shear": float("nan")}, {"agreement": -1}])
def test_settings_have_limits(settings):
    with pytest.raises(ConfigError, match=f"expected {next(iter(settings))} from 0"):
        Agreement(**settings)


def test_the_recipe_takes_its_settings():
    recipe = make_recipe("representation", "tiny", ["turn=5", "agreement=0", "latent=9"])
    assert isinstance(recipe.objective, Agreement)
    assert (recipe.objective.turn, recipe.objective.agreement, recipe.options["latent"]) == (5, 0, 9)
