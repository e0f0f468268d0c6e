"""sablier learns what your images look like, and finds what does not belong.

Names are loaded when they are first used: importing sablier loads neither torch nor NumPy. Every public name stands once, with
the module that holds it, in `__init__.pyi`: type checkers read it, and so does this file.
"""

import sys
from importlib import import_module

__version__ = "0.1.0"


def _public() -> dict[str, str]:
    """Return every public name and the module that holds it."""
    import re
    from pkgutil import get_data

    lines = (get_data(__name__, "__init__.pyi") or b"").decode()
    return {name: module for module, name in re.findall(r"^from ([\w.]+) import (\w+) as \2$", lines, re.MULTILINE)}


def __dir__() -> list[str]:
    return sorted({*globals(), *_public()})


def __getattr__(name: str) -> object:
    modules = _public()
    if name == "__all__":
        return sorted(modules)
    if name not in modules:
        raise AttributeError(f"module 'sablier' has no attribute {name!r}", name=name, obj=sys.modules[__name__])
    value = getattr(import_module(modules[name]), name)
    globals()[name] = value
    return value
