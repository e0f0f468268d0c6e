"""Images into blocks, and blocks into batches that are coded together."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from sablier.errors import ImagesError
from sablier.images.imageset import ImageSet, Skipped
from sablier.tasks.codec.blocks import MOST_TILES
from sablier.tasks.codec.container import MOST_IN_BLOCK
from sablier.tasks.codec.interleaved import state_count
from sablier.tasks.codec.tiles import Shape, tiles_of
from sablier.typing import Array

T = TypeVar("T")

TILES_IN_BLOCK = 512  # beyond this, a block takes no further image
TILES_AT_ONCE = 2048  # of the blocks of a batch
LEAST_WORK = 16  # the least number of tiles that a block counts for, since it has states and tables


@dataclass
class ImageBlock:
    """A block before compression: the positions of its images, their pixels, and their number of tiles."""

    rows: list[int] = field(default_factory=list)
    images: list[Array] = field(default_factory=list)
    tiles: int = 0


def readable(images: ImageSet, skipped: list[Skipped]) -> Iterator[tuple[int, Array]]:
    """Yield position and pixels of every image that can be decoded; add the others to `skipped`."""
    for index in range(len(images)):
        try:
            yield index, images[index]
        except (OSError, ImagesError) as error:
            name = str(images.ids[index])
            skipped.append(Skipped(name, str(error).removeprefix(f"{name}: ")))


def blocks_of(images: Iterable[tuple[int, Array]], tile: Shape) -> Iterator[ImageBlock]:
    """Yield images in blocks of at most 64 images, or somewhat more than 512 tiles.

    Raises:
        ImagesError: for an image of more tiles than a block may have.
    """
    block = ImageBlock()
    for index, image in images:
        tiles = tiles_of(image.shape, tile)
        if tiles > MOST_TILES:
            size = f"{image.shape[0]} x {image.shape[1]}"
            raise ImagesError(f"expected images of at most {MOST_TILES:,} tiles, got {tiles:,} of an image of {size}. Cut it.")
        block.rows.append(index)
        block.images.append(image)
        block.tiles += tiles
        if len(block.rows) == MOST_IN_BLOCK or block.tiles >= TILES_IN_BLOCK:
            yield block
            block = ImageBlock()
    if block.rows:
        yield block


def batches_of(blocks: Iterable[T], tiles: Callable[[T], int]) -> Iterator[list[T]]:
    """Yield lists of blocks with about 2,048 tiles, all with the same number of states."""
    batch: list[T] = []
    total = states = 0
    for block in blocks:
        count = tiles(block)
        if batch and (total + count > TILES_AT_ONCE or state_count(count) != states):
            yield batch
            batch, total = [], 0
        batch.append(block)
        total, states = total + max(count, LEAST_WORK), state_count(count)
    if batch:
        yield batch
