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
    """Return a recipe: the complete configuration of a training.

    Args:
        name: such as "detector", "classifier" or "autoencoder"; `sablier recipes` lists all.
        tier: "tiny", "small", "base" or "large"; larger tiers take longer and give better models.
        settings: "key=value" texts that change single values, as `sablier train --set` takes them.

    Returns:
        The recipe.

    Raises:
        UnknownName: if there is no such recipe, tier or key.
        ConfigError: if a key does not take the value.

    Examples:
        >>> from sablier import make_recipe
        >>> make_recipe(settings=["epochs=20", "optimizer=sgd", "latent=8"]).fit.epochs
        20
    """
    check_names(name, tier)
    made = cast(Recipe, import_module(f"{library.__name__}.{name.replace('-', '_')}").recipe(tier))
    return with_settings(replace(made, tier=tier), settings)


def recipe_from(kept: Mapping[str, Any], kind: type[R]) -> R:
    """Return the recipe in the provenance of a model file, to train another model in the same way.

    >>> recipe_from(make_recipe("course-cnn", settings=["epochs=1"]).to_dict(), Recipe).fit.epochs
    1

    Raises:
        ModelFileError: if this version knows no such recipe.
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
