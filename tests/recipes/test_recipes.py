"""Recipes: one dial, and any single value by key=value."""

import json
from typing import Any

import pytest

from sablier.errors import ConfigError, ModelFileError, UnknownName
from sablier.recipes.config import Recipe, of_task
from sablier.recipes.detection import DetectionRecipe
from sablier.recipes.make import make_recipe, recipe_from
from sablier.recipes.names import TIERS, list_recipes


@pytest.mark.parametrize("name", list_recipes())
@pytest.mark.parametrize("tier", TIERS)
def test_every_recipe_has_every_tier(name, tier):
    recipe = make_recipe(name, tier)
    assert recipe.name == name
    assert recipe.settings()


def test_a_larger_tier_trains_longer():
    steps = [make_recipe(tier=tier).fit.steps for tier in TIERS]
    assert steps == sorted(steps)
    assert len(set(steps)) == len(steps)


@pytest.mark.parametrize("key", [key for key in make_recipe().settings() if key != "model"])
def test_every_key_that_is_listed_can_be_set_to_what_it_is(key):
    recipe = make_recipe()
    value = recipe.settings()[key]
    assert make_recipe(settings=[f"{key}={value}"]).settings()[key] == value


def test_settings_reach_the_place_they_belong_to():
    recipe: Any = make_recipe(settings=["epochs=20", "optimizer=sgd", "latent=8", "noise=0.2", "folds=3", "batch-size = 12"])
    assert (recipe.fit.epochs, recipe.fit.optimizer, recipe.options["latent"]) == (20, "sgd", 8)
    assert (recipe.objective.noise, recipe.folds, recipe.fit.batch_size) == (0.2, 3, 12)


def test_numbers_may_be_fractions():
    objective: Any = make_recipe("classifier-robust", settings=["eps=8/255"]).objective
    assert objective.eps == pytest.approx(8 / 255)


@pytest.mark.parametrize(
    ("recipe", "settings", "rate"),
    [
        ("classifier", ["optimizer=adam"], 1e-3),  # the optimizer's usual one
        ("classifier", ["optimizer=adam", "learning_rate=0.02"], 0.02),
        ("classifier", ["optimizer=muon"], 0.24),  # the recipe's own optimizer keeps its rate
        ("course-cnn", ["optimizer=rmsprop"], 2e-3),  # the recipe knows one
    ],
)
def test_another_optimizer_brings_a_rate_of_its_own(recipe, settings, rate):
    assert make_recipe(recipe, settings=settings).fit.learning_rate == rate


def test_none_is_a_value_where_it_means_something():
    assert make_recipe(settings=["epochs=3", "epochs=none"]).fit.epochs is None


def test_another_model_brings_its_own_options():
    recipe = make_recipe(settings=["latent=9", "model=course_dense"])
    assert (recipe.model, recipe.options) == ("course_dense", {"latent": 9})
    with pytest.raises(UnknownName, match="unknown setting 'width'"):
        make_recipe(settings=["model=course_dense", "width=9"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "detectr"}, "unknown recipe 'detectr'. Did you mean 'detector'"),
        ({"tier": "smal"}, "unknown tier 'smal'. Did you mean 'small'"),
        ({"settings": ["epoks=3"]}, "unknown setting 'epoks'. Did you mean 'epochs'"),
        ({"settings": ["model=botleneck"]}, "unknown model 'botleneck'. Did you mean 'bottleneck'"),
    ],
)
def test_unknown_names_offer_the_nearest(arguments, message):
    with pytest.raises(UnknownName, match=message):
        make_recipe(**arguments)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("epochs", "expected --set key=value, got 'epochs'"),
        ("epochs=many", "expected a whole number for epochs, got 'many'"),
        ("epochs=2.5", "expected a whole number for epochs, got '2.5'"),
        ("epochs=0", "expected epochs from 1"),
        ("learning_rate=fast", "expected a number for learning_rate, got 'fast'"),
        ("noise=11", "expected noise from 0 to 10, got 11"),
        ("noise=nan", "expected a number for noise, got 'nan'"),
        ("noise=1/0", "expected a number for noise, got '1/0'"),
        ("size=4", "expected size from 8 to 4096, got 4"),
        ("folds=1", "expected folds from 2 to 50, got 1"),
        ("fusion_share=0.9", "expected fusion_share from 0.01 to 0.4"),
        ("calibration_share=2", "expected calibration_share from"),
    ],
)
def test_a_value_a_key_does_not_take_says_so(setting, message):
    with pytest.raises(ConfigError, match=message):
        make_recipe(settings=[setting])


def test_both_ends_of_a_range_move_in_any_order():
    for settings in (["noise_low=2", "noise_high=3"], ["noise_high=3", "noise_low=2"]):
        objective: Any = make_recipe("denoiser", settings=settings).objective
        assert (objective.noise_low, objective.noise_high) == (2, 3)


@pytest.mark.parametrize(("text", "value"), [("yes", True), ("True", True), ("no", False), ("0", False)])
def test_yes_and_no(text, value):
    objective: Any = make_recipe("denoiser", settings=[f"clip={text}"]).objective
    assert objective.clip is value


def test_neither_yes_nor_no():
    with pytest.raises(ConfigError, match="expected yes or no for clip, got 'maybe'"):
        make_recipe("denoiser", settings=["clip=maybe"])


def test_settings_of_the_run_reach_every_network_and_others_only_their_own():
    recipe = make_recipe(settings=["seed=5", "steps=9", "learning_rate=0.5", "transformations.learning_rate=0.25", "width=6"])
    turning = recipe.others["transformations"]
    assert (recipe.fit.seed, turning.fit.seed, recipe.fit.steps, turning.fit.steps) == (5, 5, 9, 9)
    assert (recipe.fit.learning_rate, turning.fit.learning_rate) == (0.5, 0.25)
    assert (recipe.options["width"], turning.options["width"] != 6) == (6, True)
    assert make_recipe(settings=["steps=9", "transformations.steps=4"]).others["transformations"].fit.steps == 4


def test_members_are_chosen_by_name():
    recipe = of_task(make_recipe(settings=["members=closed-form, restoration"]), DetectionRecipe)
    assert list(recipe.networks(28)) == ["closed-form", "restoration"]
    assert (recipe.networks(28)["closed-form"], recipe.networks(28)["restoration"]) == (None, recipe)
    with pytest.raises(UnknownName, match="Did you mean 'restoration'"):
        make_recipe(settings=["members=restoratoin"])
    with pytest.raises(ConfigError, match="expected members"):
        make_recipe(settings=["members="])


def test_somebody_among_the_members_must_say_where():
    with pytest.raises(
        ConfigError, match=r"expected one of backbone, closed-form, .* among members: only they have anomaly maps"
    ):
        make_recipe(settings=["members=transformations"])
    assert make_recipe(settings=["photo_members=patches"])


def test_photos_have_members_of_their_own():
    recipe = of_task(make_recipe(settings=["photo_side=100"]), DetectionRecipe)
    assert tuple(recipe.networks(100)) == recipe.members
    assert tuple(recipe.networks(101)) == recipe.photo_members


@pytest.mark.parametrize("name", list_recipes())
@pytest.mark.parametrize("tier", TIERS)
def test_what_a_model_file_keeps_makes_the_same_recipe(name, tier):
    recipe = make_recipe(name, tier, ["seed=7", "size=64"])
    assert recipe_from(json.loads(json.dumps(recipe.to_dict())), Recipe) == recipe


def test_a_recipe_of_another_version_is_refused():
    kept = make_recipe("classifier", "tiny").to_dict()
    changes: list[dict[str, Any]] = [
        {"name": "clasifier"},
        {"objective": {"unknown": 1}},
        {"fit": None},
        {"others": {"x": {}}},
        {"size": 1},
    ]
    for change in changes:
        with pytest.raises(ModelFileError, match=r"keeps no recipe that this version can repeat.*Train it again"):
            recipe_from({**kept, **change}, Recipe)
    with pytest.raises(ModelFileError, match="keeps no recipe"):
        recipe_from({}, Recipe)


def test_other_members_that_were_asked_for_are_not_dropped_for_a_backbone():
    with pytest.raises(ConfigError, match="--set photo_members=patches,backbone"):
        detector_with("photo_members=patches").with_backbone()
    both = detector_with("photo_members=patches,backbone")
    assert both.with_backbone() is both
    assert detector_with().with_backbone().photo_members == ("backbone",)


def detector_with(*settings: str) -> DetectionRecipe:
    return of_task(make_recipe("detector", settings=settings), DetectionRecipe)
