"""A loaded backbone file: a function from images to named outputs, and its inputs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from sablier.registry import Registry


@dataclass(frozen=True)
class Input:
    """One input of a program.

    Args:
        shape: its lengths; None for any length.
        dtype: the type of its values, with torch's name.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class Program:
    """A loaded feature network.

    Args:
        inputs: all inputs, the images included.
        run: returns outputs by name for N,3,H,W float32 images; it must be thread-safe.
    """

    inputs: tuple[Input, ...]
    run: Callable[[Tensor], Mapping[str, Tensor]]


@dataclass(frozen=True)
class BackboneFormat:
    """A kind of backbone file.

    Args:
        name: of the kind.
        load: makes a program from the bytes of a file; runs code in it, and may raise anything.
        any_number: how to export such a file for any number of images.
    """

    name: str
    load: Callable[[bytes], Program]
    any_number: str


FORMATS: Registry[BackboneFormat] = Registry("kind of backbone file", "sablier.backbones.formats")  # by file extension
