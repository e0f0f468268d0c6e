"""Blocks of images to streams of bytes and back, with the parts of a codec's model file."""

from dataclasses import dataclass
from hashlib import sha256
from typing import cast

import numpy as np

from sablier.errors import ModelFileError
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.modelfile import ModelFile
from sablier.models.base import Model
from sablier.models.pixel_context import PixelContext
from sablier.tasks.codec.interleaved import InterleavedStreams, state_count
from sablier.tasks.codec.latents import GRID, LatentTables, latent_slots, pop_latents
from sablier.tasks.codec.pixels import pixel_slots, pop_pixels
from sablier.tasks.codec.rans import Decoder, StreamError
from sablier.tasks.codec.tiles import Shape, cut, inside, joined, tiles_of
from sablier.tasks.latent.reconstruct import decode, encode, latent_size
from sablier.typing import Array

TASK = "compress"
NET, CONTEXT, TABLES = "net", "context", "tables"  # parts of the model file
MOST_TILES = 1 << 17  # of a block: an image of 100 million pixels on tiles of 28 x 28
FIXED_CODES = 32  # decoded to check that this machine computes as the one that trained


@dataclass(frozen=True)
class BlockCoder:
    """Codes blocks with two networks and tables of integers.

    Args:
        preprocess: the size and the channels of a tile.
        net: decodes tiles from codes.
        context: predicts the likelihoods of pixels.
        tables: the frequencies of codes.
        exponentials: see `pixels.exponentials`.
        base_step: the rounding step of the codes in a lossless file.
        digest: see `picture_digest`, from the machine that trained.
    """

    preprocess: Preprocess
    net: Model
    context: PixelContext
    tables: LatentTables
    exponentials: Array
    base_step: int
    digest: Array

    @classmethod
    def of(cls, file: ModelFile) -> "BlockCoder":
        """Return the coder of a model file.

        Raises:
            ModelFileError: if the file has another task, or lacks a part.
        """
        file.expect(TASK, "codec")
        try:
            kept = file.parts[TABLES].tensors
            return cls(
                file.preprocess,
                file.parts[NET].to_model("encode", "decode"),
                cast(PixelContext, file.parts[CONTEXT].to_model("predict")),
                LatentTables(kept["lowest"], kept["below"]),
                kept["exponentials"],
                int(kept["base_step"]),
                kept["digest"],
            )
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ModelFileError(f"the model file lacks a part of the codec: {error}.") from error

    def check_machine(self) -> None:
        """Check that this machine decodes fixed codes to the same bytes as the one that trained.

        Raises:
            ModelFileError: if it does not; decoded files would be wrong.
        """
        if not np.array_equal(picture_digest(self.net, self.preprocess), self.digest):
            raise ModelFileError(
                "this machine, or this build of torch, computes convolutions otherwise than exactly, so it would not decode what "
                "others compressed. Use another build of torch."
            )

    @property
    def tile(self) -> Shape:
        """Height, width and channels of the tiles that the networks take."""
        return self.preprocess.height, self.preprocess.width, self.preprocess.channels

    def codes(self, images: list[Array]) -> Array:
        """Return tiles,D codes of images, before rounding."""
        return encode(self.net, self.preprocess, ImageSet(np.concatenate([cut(image, self.tile) for image in images])))

    def encode(self, blocks: list[list[Array]], step: int, lossless: bool) -> list[bytes]:
        """Return a stream for each block of H,W,C uint8 images."""
        images = [image for block in blocks for image in block]
        states = InterleavedStreams.of([sum(tiles_of(image.shape, self.tile) for image in block) for block in blocks])
        numbers = self.tables.rounded(self.codes(images), step)
        said = [latent_slots(self.tables, numbers, step)]
        if lossless:
            tiles = np.concatenate([cut(image, self.tile) for image in images])
            within = np.concatenate([inside(image.shape, self.tile) for image in images])
            tiles[~within] = 0
            said.append(pixel_slots(self.context, self.exponentials, self._drawn(numbers, step), tiles, within))
        return states.encode(*(np.concatenate(each, axis=1) for each in zip(*said, strict=True)))

    def decode(self, streams: list[bytes], shapes: list[list[Shape]], step: int, lossless: bool) -> list[Array] | None:
        """Return the images of streams; None if these are not streams of such images."""
        counts = [sum(tiles_of(shape, self.tile) for shape in block) for block in shapes]
        if max(counts) > MOST_TILES or len(set(map(state_count, counts))) > 1:
            return None
        states, every = InterleavedStreams.of(counts), [shape for block in shapes for shape in block]
        try:
            decoder = Decoder(streams, states.count)
            tiles = self._drawn(pop_latents(self.tables, states, decoder, sum(counts), step), step)
            if lossless:
                within = np.concatenate([inside(shape, self.tile) for shape in every])
                tiles = pop_pixels(self.context, self.exponentials, tiles, within, states, decoder)
        except StreamError:
            return None
        if not decoder.ended():
            return None
        edges = np.cumsum([tiles_of(shape, self.tile) for shape in every])[:-1]
        return [joined(part, shape) for part, shape in zip(np.split(tiles, edges), every, strict=True)]

    def _drawn(self, numbers: Array, step: int) -> Array:
        return drawn(self.net, self.preprocess, self.tables.values(numbers, step))


def picture_digest(net: Model, preprocess: Preprocess) -> Array:
    """Return 32 bytes: the SHA-256 of the tiles decoded from fixed codes."""
    numbers = latent_size(net, preprocess)
    codes = np.random.default_rng(0).integers(-4 * GRID, 4 * GRID, size=(FIXED_CODES, numbers)) / np.float32(GRID)
    return np.frombuffer(sha256(drawn(net, preprocess, codes).tobytes()).digest(), np.uint8)


def drawn(net: Model, preprocess: Preprocess, codes: Array) -> Array:
    """Return tiles,H,W,C uint8: the tiles decoded from codes, equal on every machine."""
    return np.round(decode(net, preprocess, codes) * np.float32(255)).astype(np.uint8)
