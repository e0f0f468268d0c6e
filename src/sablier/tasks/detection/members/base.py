"""What a member of a detector is: one way to look at images, which others may see differently."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from torch import Tensor

from sablier.modelfile import Part
from sablier.models.base import Model
from sablier.typing import Array


@dataclass(frozen=True)
class Look:
    """What one member sees in N images.

    Args:
        statistics: N,J float64; higher is stranger. Most are logarithms, so that differences are ratios.
        heat: N,H,W, how strange each place is, in the member's own unit; None for one that cannot tell.
        reconstructions: N,H,W,C in [0, 1]; None for one that draws nothing.
    """

    statistics: Array
    heat: Array | None = None
    reconstructions: Array | None = None


class Member(Protocol):
    """One way to look at images. `kind` is its name in a model file; `say` how much its word counts beside others."""

    kind: ClassVar[str]
    say: ClassVar[float]

    @property
    def network(self) -> Model | None:
        """The network it looks with, if any."""
        ...

    def look(self, x: Tensor) -> Look:
        """Look at N,C,H,W images in [0, 1]."""
        ...

    def parts(self) -> Mapping[str, Part]:
        """Return what a model file keeps of it, by name."""
        ...

    @classmethod
    def from_parts(cls, parts: Mapping[str, Part]) -> Self:
        """Return the member that `parts` kept."""
        ...
