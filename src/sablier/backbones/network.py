"""A backbone file as a network that returns feature maps: its input, the outputs that are kept, and what is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from sablier.backbones.file import BackboneFile, reason, shape_in_words
from sablier.backbones.projection import with_fewer_features
from sablier.backbones.tokens import as_grid
from sablier.errors import BackboneError
from sablier.models.base import Model

MOST_PLACES = 64  # a side of the grid; finer grids are averaged, since a model file keeps a mean for each place
MOST_VIEWS = 32
LARGEST = 60_000.0  # of features, in the unit of their usual magnitude
SAME = 0.02  # of the usual magnitude of values: by how much an image may differ beside another one
NOTHING = 1e-20


@dataclass(frozen=True)
class View:
    """One output of a program.

    Args:
        shape: D,h,w or T,D, as the program returns it for an image.
        scale: the usual magnitude of its values, by which they are divided.
    """

    name: str
    shape: tuple[int, ...]
    scale: float = 1.0


class Backbone(Model):
    """A feature network that a model file names and does not contain.

    Args:
        shape: height, width and channels, 1 or 3, of the images.
        file_name, sha256: of its file.
        views: its outputs.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset({"describe"})

    def __init__(self, shape: tuple[int, int, int], file_name: str, sha256: str, views: tuple[View, ...]) -> None:
        super().__init__(shape)
        self.file_name, self.sha256, self.views = file_name, sha256, views


class UnnamedBackbone(Backbone):
    """A backbone whose file the user has not named; it cannot compute features."""

    def describe(self, x: Tensor) -> tuple[Tensor, ...]:
        raise unnamed(self.file_name, self.sha256)


def unnamed(file_name: str, sha256: str) -> BackboneError:
    """Return the error of a model without its backbone: which file it needs, and how to name it."""
    return BackboneError(
        f"this model scores with a backbone (feature network) of its author, {file_name}, and does not hold it. Name that "
        f"file with --backbone FILE (in Python backbone=...); its SHA-256 is {sha256}."
    )


class BackboneNetwork(Backbone):
    """The features of a backbone file at the places of images: each of its outputs is a view.

    Its input is RGB in [0, 1] (grey three times) at the size of the model; it normalises by itself. An output N,D,h,w is
    used as it is, one N,T,D as tokens (`as_grid`). A grid of more than 64 places a side is averaged. More than 256 features
    are projected to 256 by random signs.

    Args:
        file: named by the user; it is loaded here.
        views: the outputs, as `measured` found them.

    Raises:
        BackboneError: if the file cannot be loaded, or does not take such images.
    """

    def __init__(self, shape: tuple[int, int, int], file: BackboneFile, views: tuple[View, ...]) -> None:
        super().__init__(shape, file.name, file.sha256, views)
        self._program = file.load()
        file.check_size(self._program, *shape[:2])

    @classmethod
    def measured(cls, shape: tuple[int, int, int], file: BackboneFile) -> Self:
        """Return the network of a file, with its outputs found on two images of noise.

        Raises:
            BackboneError: as for the class; also if outputs are no feature maps, or depend on chance or on other images in
                the batch, which would break the guarantee.
        """
        network = cls(shape, file, ())
        pictures = torch.rand(2, 3, *shape[:2], generator=torch.Generator().manual_seed(0))
        both, first = network._run(pictures), network._run(pictures[:1])
        if not 1 <= len(both) <= MOST_VIEWS:
            raise network._refusal(f"from 1 to {MOST_VIEWS} outputs", f"{len(both)}", "Export those that describe places")
        network.views = tuple(network._measured(name, both, first) for name in both)
        return network

    def describe(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return, for each output, N,D,h,w with D at most 256, and h and w at most 64.

        Args:
            x: N,C,H,W in [0, 1], grey or RGB.

        Raises:
            BackboneError: if the program fails, or an output has another shape than before or is not finite.
        """
        found = self._run(x.expand(-1, 3, -1, -1))
        return tuple((self._view(view.name, found, x) / view.scale).clamp_(-LARGEST, LARGEST) for view in self.views)

    def _measured(self, name: str, both: Mapping[str, Tensor], first: Mapping[str, Tensor]) -> View:
        """Return an output on noise, after a check that an image gives the same alone and beside another."""
        pictures = torch.empty(2, 3, *self.shape[:2])
        beside, alone = self._view(name, both, pictures), self._view(name, first, pictures[:1])
        scale = float(beside.square().mean().sqrt())
        if scale < NOTHING:
            raise self._refusal(f"output {name} to differ between two images of noise", "zeros", "Export another")
        if beside.shape[1:] != alone.shape[1:] or float((beside[:1] - alone).square().mean().sqrt()) > SAME * scale:
            raise self._refusal(
                f"output {name} to be the same for an image alone and beside another", "something else",
                "Export the network in eval mode (net.eval()), without dropout and statistics of the batch",
            )  # fmt: skip
        return View(name, tuple(both[name].shape[1:]), scale)

    @torch.no_grad()
    def _run(self, x: Tensor) -> Mapping[str, Tensor]:
        try:
            return self._program.run(x.contiguous())
        except MemoryError:
            raise
        except Exception as error:  # an untrusted program may raise anything
            raise BackboneError(
                f"the backbone {self.file_name} does not take {shape_in_words(tuple(x.shape))} images: {reason(error)}. "
                "Export it for images of this size and any number of them, or choose another size with --set size=..."
            ) from error

    def _view(self, name: str, found: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Return N,D,h,w of one output for images x, of which only the shape is used."""
        value = found.get(name)
        wanted = f"output {name} of shape N,D,h,w or N,tokens,D in floating point"
        if not isinstance(value, Tensor) or not value.is_floating_point():
            came = f"type {str(value.dtype).removeprefix('torch.')}" if isinstance(value, Tensor) else type(value).__name__
            raise self._refusal(wanted, came, "Export only outputs that describe places")
        if value.ndim not in (3, 4) or value.shape[0] != x.shape[0] or 0 in value.shape[1:]:
            came = f"{shape_in_words(tuple(value.shape))} of {x.shape[0]} images"
            raise self._refusal(wanted, came, "Export only outputs that describe places")
        value = value.float()
        if not torch.compiler.is_compiling() and not bool(value.isfinite().all()):
            raise self._refusal(f"output {name} to hold numbers", "values that are infinite or not a number", "Mend the network")
        if value.ndim == 3:
            try:
                value = as_grid(value, *x.shape[2:])
            except ValueError as error:
                message = f"output {name} to have a token for each patch, row by row"
                raise self._refusal(
                    message, str(error), "Export it as N,D,h,w, or choose another size with --set size=..."
                ) from error
        grid = (min(value.shape[2], MOST_PLACES), min(value.shape[3], MOST_PLACES))
        return with_fewer_features(value if value.shape[2:] == grid else F.adaptive_avg_pool2d(value, grid))

    def _refusal(self, expected: str, came: str, remedy: str) -> BackboneError:
        return BackboneError(f"backbone {self.file_name}: expected {expected}, got {came}. {remedy}.")
