"""Settings: single values of a recipe changed by "key=value", as `--set` takes them."""

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from sablier.errors import ConfigError, UnknownName
from sablier.models.registry import model_options
from sablier.recipes.config import NetworkConfig, R
from sablier.training.optimizers import OPTIMIZERS

N = TypeVar("N", bound=NetworkConfig)

# Settings of the run and of its length: without the name of a network, they apply to all networks of a recipe.
SHARED = ("seed", "threads", "device", "dtype", "compile", "profile", "epochs", "steps", "megapixels")


def with_settings(recipe: R, settings: Iterable[str]) -> R:
    """Return the recipe with single values changed by "key=value" settings.

    Raises:
        UnknownName: for a key that does not exist.
        ConfigError: for a value that a key does not take.
    """
    pairs = dict(map(_pair, settings))
    if "model" in pairs:  # first, since the options depend on it
        recipe = replace(recipe, model=pairs.pop("model"), options={})
    return _changed(recipe, pairs)


def settings_of_the_run(settings: Iterable[str]) -> list[str]:
    """Return those of "key=value" settings that apply to every network: of the run and of its length.

    >>> settings_of_the_run(["epochs=3", "latent=8", "threads = 1"])
    ['epochs=3', 'threads = 1']
    """
    return [setting for setting in settings if _pair(setting)[0] in SHARED]


def _pair(setting: str) -> tuple[str, str]:
    key, equals, text = setting.partition("=")
    if not equals:
        raise ConfigError(f"expected --set key=value, got {setting!r}. For example --set epochs=20.")
    return key.strip().replace("-", "_"), text.strip()


def _changed(recipe: R, pairs: dict[str, str]) -> R:
    """Return the recipe with every pair set, those of one part at once: both ends of a range may move."""
    known = recipe.settings()
    for key in pairs:
        if key not in known:
            raise UnknownName("setting", key, known)
    own, others = {key: text for key, text in pairs.items() if "." not in key}, {}
    for name, network in recipe.others.items():
        named = {key.removeprefix(f"{name}."): text for key, text in pairs.items() if key.startswith(f"{name}.")}
        others[name] = _changed_network(network, {key: own[key] for key in own if key in SHARED} | named)
    return replace(_changed_network(recipe, own), others=others)


def _changed_network(network: N, pairs: dict[str, str]) -> N:
    """Return a network, or a recipe by its own network, with known settings changed; another optimizer brings its rate."""
    optimizer = pairs.get("optimizer", network.fit.optimizer)
    if optimizer != network.fit.optimizer:
        pairs = {"learning_rate": f"{network.rates.get(optimizer, OPTIMIZERS.named(optimizer).learning_rate)}", **pairs}
    parts: dict[str, dict[str, Any]] = {"objective": {}, "fit": {}, "options": {}, "whole": {}}
    for key, text in pairs.items():
        part = next((name for name in ("objective", "fit") if hasattr(getattr(network, name), key)), None)
        if part is not None:
            kind = get_type_hints(type(getattr(network, part)))[key]
        elif key in model_options(network.model):
            part, kind = "options", type(model_options(network.model)[key])
        else:
            part, kind = "whole", get_type_hints(type(network))[key]
        parts[part][key] = _parsed(key, text, kind)
    return replace(
        network,
        objective=replace(network.objective, **parts["objective"]),
        fit=replace(network.fit, **parts["fit"]),
        options={**network.options, **parts["options"]},
        **parts["whole"],
    )


def _parsed(key: str, text: str, kind: Any) -> Any:
    """Return `text` as a value of the annotated type."""
    if get_origin(kind) in (Union, UnionType):
        if text.lower() in ("none", "auto"):
            return None
        kind = next(option for option in get_args(kind) if option is not type(None))
    if get_origin(kind) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if get_origin(kind) is Literal or kind is str:
        return text
    try:
        return READERS.get(kind, kind)(text)
    except (ValueError, KeyError, ArithmeticError) as error:
        wanted = {"int": "a whole number", "float": "a number", "bool": "yes or no"}.get(kind.__name__, kind.__name__)
        raise ConfigError(f"expected {wanted} for {key}, got {text!r}.") from error


def _number(text: str) -> float:
    return float(Fraction(text))  # it also reads 8/255


def _yes_or_no(text: str) -> bool:
    return {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}[text.lower()]


READERS = {float: _number, bool: _yes_or_no}
