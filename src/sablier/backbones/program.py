"""What a backbone file holds once it is loaded: a function from images to named outputs, and what it takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from sablier.registry import Registry


@dataclass(frozen=True)
class Input:
    """One input of a program.

    Args:
        shape: its lengths; None stands for one that may be any.
        dtype: the type of its values, as torch calls it.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class Program:
    """A loaded feature network.

    Args:
        inputs: all that it takes, images among them.
        run: makes outputs, by name, of N,3,H,W float32 images; threads may call it at once.
    """

    inputs: tuple[Input, ...]
    run: Callable[[Tensor], Mapping[str, Tensor]]


@dataclass(frozen=True)
class BackboneFormat:
    """A kind of backbone file.

    Args:
        name: what it is called.
        load: makes a program of the bytes of a file; runs what is in them, and raises whatever it likes.
        any_number: how such a file is exported that takes any number of images.
    """

    name: str
    load: Callable[[bytes], Program]
    any_number: str


FORMATS: Registry[BackboneFormat] = Registry("kind of backbone file", "sablier.backbones.formats")  # by the end of the name
