"""Filling the templates of pages."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def rendered(template: str, **content: Any) -> str:
    """Return a page of `templates/`, every text in it escaped."""
    environment = Environment(
        loader=PackageLoader("sablier.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(template).render(**content)
