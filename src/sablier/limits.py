"""Limits of configurations: declared with each field of a dataclass by pydantic's `Field`, and checked in one place."""

from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from sablier.errors import ConfigError


def check_limits(config: Any) -> None:
    """Check that every field of a dataclass is within the limits of its annotation.

    Raises:
        ConfigError: naming the field, its limits, and its value.

    >>> from dataclasses import dataclass
    >>> from pydantic import Field
    >>> @dataclass
    ... class Config:
    ...     share: Annotated[float, Field(gt=0, le=1)]
    >>> check_limits(Config(0.5))
    >>> check_limits(Config(2))
    Traceback (most recent call last):
        ...
    sablier.errors.ConfigError: expected share above 0 and up to 1, got 2.
    """
    kind: Any = type(config)
    for name, adapter, limits in _checks(kind):
        value = getattr(config, name)
        try:
            adapter.validate_python(value)
        except ValidationError:
            came = repr(value) if isinstance(value, str) else value
            raise ConfigError(f"expected {name} {limits}, got {came}.") from None


@cache
def _checks(kind: Any) -> list[tuple[str, TypeAdapter[Any], str]]:
    """Return the name of each field with limits, its checker, and its limits in words."""
    hints = get_type_hints(kind, include_extras=True)
    named = [(item.name, hints[item.name]) for item in fields(kind)]
    return [(name, TypeAdapter(hint), " and ".join(_words(hint))) for name, hint in named if any(_words(hint))]


def _words(hint: Any) -> Iterator[str]:
    if get_origin(hint) is Literal:
        yield f"to be one of {', '.join(get_args(hint))}"
    if get_origin(hint) is not Annotated:
        return
    found = [item for info in get_args(hint)[1:] if isinstance(info, FieldInfo) for item in info.metadata]
    bounds = {bound: getattr(item, bound) for item in found for bound in ("gt", "ge", "lt", "le") if hasattr(item, bound)}
    if "ge" in bounds and "le" in bounds:
        yield f"from {bounds['ge']} to {bounds['le']}"
        return
    words = {"gt": "above", "ge": "of at least", "lt": "below", "le": "up to"}
    yield from (f"{words[bound]} {value}" for bound, value in bounds.items())
