"""Formats of sources, one a file. A new one is a file here that adds its `Format` by `add_format`."""

from sablier.images.formats.base import Format, Options
from sablier.registry import Registry

__all__ = ["FORMATS", "Format", "Options", "add_format"]

# The order in which formats check a file; others follow after these.
FIRST = ("image", "IDX", "npy", "npz", "zip", "tar", "CIFAR batch", "CSV")
FORMATS: Registry[Format] = Registry("format", __name__, FIRST)


def add_format(found: Format) -> Format:
    """Add a format to `FORMATS` under its own name, and return it."""
    return FORMATS.add(found.name, found)
