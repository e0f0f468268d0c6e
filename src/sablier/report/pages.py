"""Filling the templates of pages."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def environment() -> Environment:
    """Return the environment of `templates/`, in which every text is escaped."""
    return Environment(
        loader=PackageLoader("sablier.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def rendered(template: str, **content: Any) -> str:
    """Return a page of `templates/`, every text in it escaped."""
    return environment().get_template(template).render(**content)
