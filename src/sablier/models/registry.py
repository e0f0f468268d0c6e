"""The registry: the name of a function is the public id of the model it returns."""

import inspect
from collections.abc import Callable
from fnmatch import fnmatch
from typing import Any

from sablier.errors import ConfigError, UnknownName
from sablier.models.base import Model
from sablier.registry import Registry

Builder = Callable[..., Model]
_builders: Registry[Builder] = Registry("model", __name__.rpartition(".")[0])


def register(builder: Builder) -> Builder:
    """Register a function `name(shape, *, option=default, ...) -> Model` under its own name.

    Raises:
        ConfigError: where the name is taken.
    """
    return _builders.add(builder.__name__, builder)


def list_models(pattern: str = "*") -> list[str]:
    """Return the names of the registered models that match a wildcard.

    >>> list_models("course*")
    ['course_cnn', 'course_conv', 'course_dense', 'course_softmax']
    """
    return sorted(name for name in _builders if fnmatch(name, pattern))


def model_options(name: str) -> dict[str, Any]:
    """Return the options of a model and their defaults.

    >>> model_options("course_dense")
    {'latent': 128}
    """
    parameters = inspect.signature(_builders.named(name)).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}


def create_model(name: str, shape: tuple[int, int, int], **options: Any) -> Model:
    """Create a registered model for images of `shape` (height, width, channels).

    Raises:
        UnknownName: for a model or an option that does not exist; the message offers the nearest.
        ConfigError: for a number below 1.

    >>> create_model("course_dense", (28, 28, 1)).config
    {'shape': [28, 28, 1], 'latent': 128}
    """
    defaults = model_options(name)
    for option in options:
        if option not in defaults:
            raise UnknownName(f"option of {name}", option, defaults)
        if isinstance(defaults[option], int) and options[option] < 1:
            raise ConfigError(f"expected {option} of {name} to be at least 1, got {options[option]}.")
    chosen = {**defaults, **options}
    height, width, channels = shape
    model = _builders.named(name)((height, width, channels), **chosen)
    model.name = name
    model.config = {"shape": [height, width, channels], **chosen}
    return model
