"""The values of a recipe that decided something, by the network they are of."""

from collections.abc import Mapping, Sequence
from typing import Any

PARTS = ("options", "objective", "fit")
NOT_IN_USE = ("model", "others", "rates")  # the name of the own network, and what is no value of it
OWN_MEMBER = "restoration"  # the member of a detector whose network is the recipe's own
OWN_NETWORK = "network"  # what the one network of any other model is called
OF_THE_WHOLE = "seed"  # kept with the own network, but used by a detector without that network too


def settings_in_use(recipe: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the values of a recipe as a model file keeps it: of the whole under "", then those of each network by its name.

    Networks that no member uses are left out: their values decided nothing. The recipe's own network is named
    "restoration" in a detector, "network" otherwise.

    >>> fit = {"seed": 3, "epochs": 2}
    >>> settings_in_use({"task": "detect", "members": ["closed-form"], "size": 64, "model": "bottleneck", "fit": fit})
    {'': {'task': 'detect', 'members': ['closed-form'], 'size': 64, 'seed': 3}}
    >>> settings_in_use({"task": "denoise", "size": 64, "model": "unet", "fit": fit})["network"]
    {'model': 'unet', 'seed': 3, 'epochs': 2}
    """
    detects = recipe.get("task") == "detect"
    members = recipe.get("members") or ()
    whole = {key: value for key, value in recipe.items() if key not in (*PARTS, *NOT_IN_USE)}
    own: dict[str, dict[str, Any]] = {}
    if detects and OWN_MEMBER not in members:
        whole |= {key: value for key, value in _network(recipe).items() if key == OF_THE_WHOLE}
    else:
        own = {OWN_MEMBER if detects else OWN_NETWORK: _network(recipe)}
    others = recipe.get("others") or {}
    return {"": whole} | own | {name: _network(network) for name, network in others.items() if name in members}


def differing_settings(recipes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return, of each model by its recipe as a model file keeps it, the values in which they differ, named as `--set` takes them.

    Those of a network that some of the models lack are left out.

    >>> differing_settings([{"task": "classify", "fit": {"optimizer": name, "seed": 0}} for name in ("sgd", "adam")])
    [{'optimizer': 'sgd'}, {'optimizer': 'adam'}]
    """
    models = [settings_in_use(recipe) for recipe in recipes]
    found: list[dict[str, Any]] = [{} for _ in models]
    for group in [name for name in models[0] if all(name in model for model in models)]:
        for key in sorted({key for model in models for key in model[group]}):
            values = [model[group].get(key) for model in models]
            # A setting that all networks share was most often changed for all of them at once: it is shown once.
            repeated = group and values == [model.get(OWN_MEMBER, {}).get(key) for model in models] and group != OWN_MEMBER
            if len(set(map(str, values))) > 1 and not repeated:
                name = key if group in ("", OWN_MEMBER, OWN_NETWORK) else f"{group}.{key}"
                for settings, value in zip(found, values, strict=True):
                    settings[name] = value
    return found


def as_text(value: Any) -> str:
    """Return a value for people; what was left to choose reads "auto".

    >>> [as_text(value) for value in (None, True, 0.00025, 3, (0.9, 0.999))]
    ['auto', 'yes', '0.00025', '3', '0.9, 0.999']
    """
    if value is None:
        return "auto"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(as_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _network(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return the name of a network and the values of its parts."""
    parts = [recipe.get(part) for part in PARTS]
    named = {"model": recipe["model"]} if "model" in recipe else {}
    return named | {key: value for part in parts if isinstance(part, Mapping) for key, value in part.items()}
