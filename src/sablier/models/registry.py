"""The registry of models: the name of a builder function is the public name of its model."""

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
    """Register a builder function as a model, under the name of the function.

    Args:
        builder: a function `name(shape, *, option=default, ...) -> Model`.

    Returns:
        The function itself, so that `register` works as a decorator.

    Raises:
        ConfigError: if the name is taken.

    Examples:
        >>> from sablier import create_model, register
        >>> @register  # doctest: +SKIP
        ... def my_model(shape, *, latent=8):
        ...     return MyModel(shape, latent)
        >>> create_model("my_model", (28, 28, 1), latent=4)  # doctest: +SKIP
    """
    return _builders.add(builder.__name__, builder)


def list_models(pattern: str = "*") -> list[str]:
    """Return the names of the registered models.

    Args:
        pattern: a wildcard pattern that the names must match.

    Returns:
        The names, sorted.

    Examples:
        >>> from sablier import list_models
        >>> list_models("course*")
        ['course_cnn', 'course_conv', 'course_dense', 'course_softmax']
    """
    return sorted(name for name in _builders if fnmatch(name, pattern))


def model_options(name: str) -> dict[str, Any]:
    """Return the options of a model with their defaults.

    >>> model_options("course_dense")
    {'latent': 128}
    """
    parameters = inspect.signature(_builders.named(name)).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}


def create_model(name: str, shape: tuple[int, int, int], **options: Any) -> Model:
    """Create a registered model with untrained weights.

    Args:
        name: of the model, as `list_models` returns it.
        shape: (height, width, channels) of the images.
        **options: options of the model, such as `latent`; numbers must be at least 1.

    Returns:
        The model, a `torch.nn.Module`.

    Raises:
        UnknownName: if there is no such model or option.
        ConfigError: if a number is below 1.

    Examples:
        >>> from sablier import create_model
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
