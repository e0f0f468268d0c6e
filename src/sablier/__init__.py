"""sablier trains on unlabelled images and detects those that are anomalous.

Importing sablier loads neither torch nor NumPy: a name is loaded when it is first used. `__init__.pyi` lists every public
name with its module; type checkers read it, and so does this file.
"""

import sys
from importlib import import_module

__version__ = "0.1.0"


def _public() -> dict[str, str]:
    """Return every public name with the module that defines it."""
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
