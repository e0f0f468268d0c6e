"""Optimizers: one file each, called by its name, with one registered function.

They are imported only when an optimizer is made, so settings can be checked without torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sablier.errors import UnknownName
from sablier.registry import Registry

if TYPE_CHECKING:
    import torch

    from sablier.training.config import FitConfig

    Maker = Callable[[list[torch.nn.Parameter], FitConfig], torch.optim.Optimizer]

__all__ = ["OPTIMIZERS", "Optimizer", "check_optimizer", "optimizer_names", "register"]


@dataclass(frozen=True)
class Optimizer:
    """An entry of the table.

    Args:
        make: takes parameters, all on one device, and the settings.
        learning_rate: the usual peak, for recipes that have no rate of their own for this optimizer.
    """

    make: "Maker"
    learning_rate: float


OPTIMIZERS: Registry[Optimizer] = Registry("optimizer", __name__)


def register(*, learning_rate: float) -> "Callable[[Maker], Maker]":
    """Register a function `name(parameters, config) -> torch.optim.Optimizer` under its own name; see `Optimizer`."""

    def add(make: "Maker") -> "Maker":
        OPTIMIZERS.add(make.__name__, Optimizer(make, learning_rate))
        return make

    return add


def optimizer_names() -> list[str]:
    """Return the names of all optimizers, from those of their files, without loading torch.

    >>> optimizer_names()
    ['adam', 'adamw', 'muon', 'rmsprop', 'sgd']
    """
    return sorted(OPTIMIZERS.modules() | OPTIMIZERS.added())


def check_optimizer(name: str) -> None:
    """Raise UnknownName if there is no such optimizer; the message suggests the nearest."""
    if name not in optimizer_names():
        raise UnknownName(OPTIMIZERS.kind, name, optimizer_names())
