"""Exact tiles: which part of each layer's input a part of its output needs.

A network of convolutions can then be computed tile by tile. The tiles overlap by what the filters reach, zeros are added only
where the image ends, and the result equals that of the whole image.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor


@dataclass(frozen=True)
class Layer:
    """The side and the stride of a layer's filters; with stride s, L pixels become L / s, rounded up."""

    kernel: int
    stride: int


@dataclass(frozen=True)
class Span:
    """Part of one axis: what a layer reads, and what it makes of it.

    Args:
        start, stop: what is read.
        before, after: zeros that are added, beyond the ends of the image.
        first, last: what is made.
    """

    start: int
    stop: int
    before: int
    after: int
    first: int
    last: int


def padding_before(length: int, layer: Layer) -> int:
    """Return how many zeros TensorFlow's "same" padding adds before an axis of this length.

    >>> padding_before(8, Layer(3, 2)), padding_before(7, Layer(3, 2)), padding_before(8, Layer(5, 1))
    (0, 1, 2)
    """
    return max(0, (-(-length // layer.stride) - 1) * layer.stride + layer.kernel - length) // 2


def spans_of(length: int, layers: Sequence[Layer], tile: int) -> Iterator[tuple[Span, ...]]:
    """Yield for each tile of an axis the spans of all layers, first to last.

    Args:
        length: of the input.
        layers: one after the other.
        tile: the length of a tile in the input, without what it shares with others; rounded down to the stride of all layers.

    >>> for spans in spans_of(10, [Layer(3, 1), Layer(3, 2)], tile=6):
    ...     print(spans)
    (Span(start=0, stop=8, before=1, after=0, first=0, last=7), Span(start=0, stop=7, before=0, after=0, first=0, last=3))
    (Span(start=5, stop=10, before=0, after=1, first=6, last=10), Span(start=6, stop=10, before=0, after=1, first=3, last=5))
    """
    lengths = [length]
    for layer in layers:
        lengths.append(-(-lengths[-1] // layer.stride))
    step = max(1, tile // stride_of(layers))
    for first in range(0, lengths[-1], step):
        found: list[Span] = []
        needed = first, min(first + step, lengths[-1])
        for layer, own in zip(reversed(layers), reversed(lengths[:-1]), strict=True):
            low = needed[0] * layer.stride - padding_before(own, layer)
            high = (needed[1] - 1) * layer.stride - padding_before(own, layer) + layer.kernel
            found.append(Span(max(0, low), min(own, high), max(0, -low), max(0, high - own), *needed))
            needed = found[-1].start, found[-1].stop
        yield tuple(reversed(found))


@dataclass(frozen=True)
class Tile:
    """Part of an image: the rows and the columns that a layer reads and makes."""

    rows: Span
    columns: Span

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """Zeros above, below, left and right."""
        return self.rows.before, self.rows.after, self.columns.before, self.columns.after

    @property
    def read(self) -> tuple[slice, slice]:
        """What the layer reads of its input."""
        return slice(self.rows.start, self.rows.stop), slice(self.columns.start, self.columns.stop)

    @property
    def made(self) -> tuple[slice, slice]:
        """What the layer makes of its output."""
        return slice(self.rows.first, self.rows.last), slice(self.columns.first, self.columns.last)

    def middle(self, x: Tensor) -> Tensor:
        """Return the part of what is read at the places of what is made, by filters of stride 1."""
        top, left = self.rows.first - self.rows.start, self.columns.first - self.columns.start
        return x[:, :, top : top + self.rows.last - self.rows.first, left : left + self.columns.last - self.columns.first]


def stride_of(layers: Sequence[Layer]) -> int:
    """Return the stride of all layers together."""
    return prod(layer.stride for layer in layers)


def grid_of(sides: Sequence[int], layers: Sequence[Layer]) -> tuple[int, int]:
    """Return the height and width of what the last layer makes of an image."""
    stride = stride_of(layers)
    return -(-sides[0] // stride), -(-sides[1] // stride)


def place(whole: dict[str, Tensor], name: str, part: Tensor, tile: Tile, grid: tuple[int, int]) -> None:
    """Copy what a layer made of a tile to its place in what it makes of the whole image, under a name in `whole`."""
    if name not in whole:
        whole[name] = part.new_empty(*part.shape[:2], *grid).contiguous(memory_format=torch.channels_last)
    whole[name][:, :, *tile.made] = part
