"""The members a detector may have, one a file: ways to look at images whose errors differ."""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module

from sablier.tasks.detection.members.base import Fitting, Look, Member, member, registered

__all__ = ["Fitting", "Look", "Member", "member", "members"]


def members() -> Mapping[str, type[Member]]:
    """Return every kind of member, by the name that recipes and model files give it.

    >>> list(members())
    ['closed-form', 'inpainting', 'patches', 'restoration', 'transformations']
    """
    _load()
    return registered()


@cache
def _load() -> None:
    """Import every file of this package: each registers its members."""
    for module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        import_module(f"{__name__}.{module}")
