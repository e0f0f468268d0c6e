"""A budget of seconds decides how wide a classifier is and how long it learns."""

import pytest

from sablier.errors import ConfigError, Interrupted, ModelFileError
from sablier.images import Preprocess, read_images
from sablier.recipes.make import make_recipe
from sablier.workflows.training import budget
from sablier.workflows.training.budget import within_budget
from sablier.workflows.training.train import train
from sablier.workflows.training.trial import Trial

DIGITS = read_images("digits")
RULE = Preprocess.for_images(DIGITS, 64)


def sized(seconds, monkeypatch, first=1 / 3, factor=3.0):
    """Return what a budget gives where an epoch takes `first` seconds at width 16, and `factor` times more at twice the width."""
    costs = {width: first * factor**power for power, width in enumerate(budget.WIDTHS)}
    monkeypatch.setattr(Trial, "seconds_per_epoch", lambda self, options, counts: costs[options["width"]])
    recipe = within_budget(make_recipe("classifier", settings=[f"budget_seconds={seconds}", "dtype=float32"]), DIGITS, RULE)
    return recipe.options["width"], recipe.fit.epochs


@pytest.mark.parametrize(
    ("seconds", "width", "epochs"), [(2.3, 8, 5), (15, 16, 12), (30, 32, 8), (110, 64, 10), (1000, 128, 31), (1e5, 128, 200)]
)
def test_the_widest_with_time_for_eight_passes_is_taken(seconds, width, epochs, monkeypatch):
    assert sized(seconds, monkeypatch) == (width, epochs)


def test_a_budget_too_short_for_one_pass_is_refused(monkeypatch):
    with pytest.raises(ConfigError, match="too short to see all 1,437 images once"):
        sized(1, monkeypatch, first=5.0)


def test_a_model_without_a_width_is_refused():
    with pytest.raises(ConfigError, match="expected a model that has a width to fit into a budget, got course_softmax"):
        within_budget(make_recipe("course-softmax", settings=["budget_seconds=5"]), DIGITS, RULE)


def stop(stage, progress):
    if progress.done > 20:
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("stopped", "message"), [("course-softmax", "of another run: its model differ"), ("classifier", "a run without a budget")]
)
def test_a_budget_does_not_resume_a_run_without_one(stopped, message, tmp_path):
    with pytest.raises(Interrupted):
        train(DIGITS, tmp_path / "c.sablier", make_recipe(stopped, "tiny"), on_progress=stop)
    with pytest.raises(ModelFileError, match=message):
        train(DIGITS, tmp_path / "c.sablier", make_recipe("classifier", "tiny", ["budget_seconds=6"]), resume=True)


def test_a_stopped_run_goes_on_at_its_size(tmp_path, monkeypatch):
    recipe = make_recipe("classifier", settings=["budget_seconds=6"])

    with pytest.raises(Interrupted):
        train(DIGITS, tmp_path / "c.sablier", recipe, on_progress=stop)
    monkeypatch.setattr(budget, "Trial", None)  # nothing is timed again
    file = train(DIGITS, tmp_path / "c.sablier", recipe, resume=True)
    assert file.provenance.recipe["fit"]["epochs"] == file.histories["net"]["rows"][-1]["epoch"]
    assert file.provenance.recipe["budget_seconds"] is None
