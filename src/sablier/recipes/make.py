"""Recipes by name."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from importlib import import_module
from typing import Any, cast

from sablier.errors import ConfigError, ModelFileError, UnknownName
from sablier.recipes import library
from sablier.recipes.config import R, Recipe, of_task
from sablier.recipes.names import DEFAULT, check_names
from sablier.recipes.settings import N, with_settings


def make_recipe(name: str = DEFAULT, tier: str = "base", settings: Iterable[str] = ()) -> Recipe:
    """Return a recipe with single values changed by "key=value" settings.

    >>> make_recipe(settings=["epochs=20", "optimizer=sgd", "latent=8"]).fit.epochs
    20

    Raises:
        UnknownName: for a recipe, tier or key that does not exist.
        ConfigError: for a value a key does not take.
    """
    check_names(name, tier)
    made = cast(Recipe, import_module(f"{library.__name__}.{name.replace('-', '_')}").recipe(tier))
    return with_settings(replace(made, tier=tier), settings)


def recipe_from(kept: Mapping[str, Any], kind: type[R]) -> R:
    """Return the recipe that a model file keeps as plain values in its provenance, to train another model alike.

    >>> recipe_from(make_recipe("course-cnn", settings=["epochs=1"]).to_dict(), Recipe).fit.epochs
    1

    Raises:
        ModelFileError: where these are not the values of a recipe that this version knows.
    """
    try:
        made = of_task(make_recipe(kept["name"]), kind)
        others = {name: _network_from(made.others[name], values) for name, values in kept["others"].items()}
        own = {key: value for key, value in kept.items() if key not in ("others", "task")}
        return _network_from(replace(made, others=others), own)
    except (KeyError, TypeError, AttributeError, UnknownName, ConfigError) as error:
        raise ModelFileError(f"the model file keeps no recipe that this version can repeat: {error}. Train it again.") from error


def _network_from(made: N, kept: Mapping[str, Any]) -> N:
    """Return a network of a recipe with the values that a model file keeps of it."""
    objective, fit = replace(made.objective, **kept["objective"]), replace(made.fit, **kept["fit"])
    tuples = {item.name for item in fields(made) if isinstance(getattr(made, item.name), tuple)}
    plain: dict[str, Any] = {key: tuple(value) if key in tuples else value for key, value in kept.items()}
    return replace(made, **{**plain, "objective": objective, "fit": fit})
