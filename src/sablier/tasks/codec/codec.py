"""`Codec`: compresses images to the bytes of a .sabz file with a trained model, and back."""

import itertools
from collections.abc import Callable, Container
from dataclasses import dataclass
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sablier.errors import ConfigError, ContainerError, ImagesError
from sablier.images.imageset import ImageSet, LazyPixels, Skipped
from sablier.images.losses import losses
from sablier.modelfile import ModelFile
from sablier.tasks.codec.block_batches import ImageBlock, batches_of, blocks_of, readable
from sablier.tasks.codec.blocks import BlockCoder
from sablier.tasks.codec.container import MOST_IN_BLOCK, Header, Names, pack, unpack
from sablier.tasks.codec.latents import QUALITIES, step_of
from sablier.tasks.codec.tiles import Shape, tiles_of
from sablier.typing import Array

OnProgress = Callable[[int], None]  # called with the number of images done so far

QUALITY = 60
BYTES_A_BLOCK = 45  # besides the symbols: rANS states, and the entry in the header
SAMPLE = 2000  # images, or tiles of larger ones, for the first guess of the quality for a target


@dataclass(frozen=True)
class Compressed:
    """A .sabz file in memory.

    Args:
        data: its bytes.
        header: its header.
        skipped: images that could not be read and are not in it.
        mse: the mean squared error of pixels in [0, 1]; None if it was not checked.
    """

    data: bytes
    header: Header
    skipped: tuple[Skipped, ...] = ()
    mse: float | None = None

    @property
    def bytes_an_image(self) -> float:
        """Mean bytes per image, of the whole file without the names."""
        return (len(self.data) - self.header.names[0]) / self.header.images


@dataclass(frozen=True)
class Decompressed:
    """The contents of a .sabz file: the decoded images, the names of those lost in damaged blocks, and what is damaged."""

    images: ImageSet
    lost: tuple[str, ...] = ()
    damage: tuple[str, ...] = ()


class Codec:
    """Compress images with a trained network, lossy or lossless.

    Codes are rounded (Ballé, Laparra and Simoncelli 2017) and coded with asymmetric numeral systems (Duda 2013). Decoding
    gives the same bytes on every machine.

    Args:
        model: a model file of the recipe `codec`, or its path.

    Raises:
        ModelFileError: if the file has another task, or lacks a part.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> import sablier
        >>> fast = ["epochs=1", "latent=4", "width=8", "context.epochs=1", "context.width=8"]
        >>> with TemporaryDirectory() as folder:
        ...     file = sablier.train("digits[label=3]", f"{folder}/c.sablier", sablier.make_recipe("codec", "tiny", fast))
        >>> codec, images = sablier.Codec(file), sablier.read_images("digits:test[label=3]")
        >>> bool((codec.decompress(codec.compress(images, lossless=True)).images.array == images.array).all())
        True
    """

    def __init__(self, model: ModelFile | str | PathLike[str]) -> None:
        file = model if isinstance(model, ModelFile) else ModelFile.load(Path(model))
        self.coder = BlockCoder.of(file)
        self.coder.check_machine()
        self.fingerprint = fingerprint(file)

    def compress(self, images: ImageSet | Array, quality: int = QUALITY, **options: Any) -> bytes:
        """Return the bytes of a .sabz file; `compressed` takes the same arguments and returns more."""
        return self.compressed(images, quality, **options).data

    def compressed(
        self,
        images: ImageSet | Array,
        quality: int = QUALITY,
        *,
        lossless: bool = False,
        target_bytes: float | None = None,
        names: bool = True,
        check: bool = True,
        whole_files: bool = True,
        on_progress: OnProgress = lambda images: None,
    ) -> Compressed:
        """Compress images.

        Args:
            images: N,H,W or N,H,W,C uint8, or an `ImageSet` of 8-bit images of any sizes.
            quality: from 1, the fewest bytes, to 100, the smallest error.
            lossless: keep every pixel; `quality` is then ignored.
            target_bytes: choose the highest quality with at most so many mean bytes per image, without names; tries a few
                qualities.
            names: keep the names and times of images.
            check: decode everything and compare.
            whole_files: with `lossless`, refuse image files with more than their pixels, such as transparency.

        Returns:
            The file in memory.

        Raises:
            ImagesError: if there are no images, or they have another type, or `whole_files` refuses one.
            ConfigError: if the quality is out of range, or not even quality 1 meets the target.
        """
        if not 1 <= quality <= QUALITIES:
            raise ConfigError(f"expected a quality from 1 to {QUALITIES}, got {quality}.")
        if target_bytes is not None and (lossless or not target_bytes > 0):
            raise ConfigError(
                f"expected a target above 0 bytes of a lossy file, got {target_bytes:g}. Change it, or leave it out."
            )
        images = images if isinstance(images, ImageSet) else ImageSet(images)
        if len(images) and images.depths.max() != 8:
            raise ImagesError(f"expected 8-bit images, got {images.depths.max()} bits in {images.source}. Convert them first.")
        if lossless and whole_files:
            _check_nothing_lost(images)
        run = _Run(self, images, lossless, names, check, on_progress)
        if target_bytes is None:
            return run.at(self.coder.base_step if lossless else step_of(quality))
        quality = self._quality_for(images, target_bytes)
        found = run.at(step_of(quality))
        while found.bytes_an_image > target_bytes:
            if quality == 1:
                raise ConfigError(f"quality 1 takes {found.bytes_an_image:.1f} bytes an image. Allow more than {target_bytes:g}.")
            quality -= 1
            found = run.at(step_of(quality))
            if found.bytes_an_image <= target_bytes:
                return found
        while quality < QUALITIES and (better := run.at(step_of(quality + 1))).bytes_an_image <= target_bytes:
            quality, found = quality + 1, better
        return found

    def decompress(
        self,
        data: bytes,
        source: str = "the file",
        *,
        only: Container[int] | None = None,
        on_progress: OnProgress = lambda images: None,
    ) -> Decompressed:
        """Return the images of a .sabz file, the names of those lost in damaged blocks, and what is damaged.

        Args:
            data: the bytes of the file.
            source: its name, for messages.
            only: positions of the wanted images, from 0; other blocks are not decoded. None: all.
            on_progress: called with the number of images done so far.

        Raises:
            ContainerError: if the file cannot be read at all, or needs another model.
        """
        container = unpack(data, source)
        header, damage = container.header, list(container.damage)
        self._check_model(header, source)
        shapes = header.shapes()
        edges = np.cumsum([0, *(block.images for block in header.blocks)]).tolist()
        wanted = [index for index in range(header.images) if only is None or index in only]
        blocks = [
            _Whole(part, rows)
            for part, rows in zip(container.blocks, itertools.starmap(range, itertools.pairwise(edges)), strict=True)
            if part is not None and (only is None or any(index in only for index in rows))
        ]
        pixels: dict[int, Array] = {}
        for batch in batches_of(blocks, lambda block: sum(tiles_of(shapes[index], self.coder.tile) for index in block.rows)):
            found = self._decoded(batch, shapes, header)
            # A wrong block must not affect the other blocks of its batch.
            for part in [batch] if found is not None else [[block] for block in batch]:
                again = found if found is not None else self._decoded(part, shapes, header)
                rows = [index for block in part for index in block.rows]
                if again is None:
                    damage.append(f"images {rows[0]} to {rows[-1]} are other than the header says")
                else:
                    pixels |= {row: image for row, image in zip(rows, again, strict=True) if only is None or row in only}
            on_progress(len(pixels))
        names = container.names or Names(ids=[str(index) for index in range(header.images)])
        lost = tuple(names.ids[index] for index in wanted if index not in pixels)
        return Decompressed(_image_set(pixels, names, self.coder.tile[2], source), lost, tuple(damage))

    def _check_model(self, header: Header, source: str) -> None:
        if header.model != self.fingerprint:
            raise ContainerError(
                f"{source} was compressed with another model, of fingerprint {header.model}; this one's is {self.fingerprint}. "
                "Find that model: the images cannot be decoded without it."
            )
        if header.tile != self.coder.tile or header.step < step_of(QUALITIES):
            raise ContainerError(f"{source} has tiles of {header.tile}, steps of {header.step}: no file of this model does.")

    def _decoded(self, batch: "list[_Whole]", shapes: list[Shape], header: Header) -> list[Array] | None:
        own = [[shapes[index] for index in block.rows] for block in batch]
        return self.coder.decode([block.stream for block in batch], own, header.step, header.mode == "lossless")

    def _quality_for(self, images: ImageSet, target_bytes: float) -> int:
        """Return about the highest quality whose mean bytes per image meet a target."""
        some = images.take(np.random.default_rng(0).permutation(len(images))[:SAMPLE])
        kept: list[Array] = []
        tiles = 0
        for _, image in readable(some, []):
            kept.append(image)
            tiles += tiles_of(image.shape, self.coder.tile)
            if tiles > SAMPLE:
                break
        if not kept:
            raise _nothing(images)
        codes = self.coder.codes(kept)

        def bytes_at(quality: int) -> float:
            bits = self.coder.tables.bits(codes, step_of(quality))
            return bits / 8 / len(kept) + BYTES_A_BLOCK / min(MOST_IN_BLOCK, len(kept))

        low, high = 1, QUALITIES
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if bytes_at(middle) <= target_bytes else (low, middle - 1)
        return low


@dataclass(frozen=True)
class _Run:
    """Compresses a set of images at any rounding step."""

    codec: Codec
    images: ImageSet
    lossless: bool
    names: bool
    check: bool
    on_progress: OnProgress

    def at(self, step: int) -> Compressed:
        """Return the file at a rounding step."""
        coder, skipped = self.codec.coder, list(self.images.skipped)
        streams: list[bytes] = []
        rows: list[int] = []
        shapes: list[Shape] = []
        counts: list[int] = []
        errors = 0.0
        for batch in batches_of(blocks_of(readable(self.images, skipped), coder.tile), lambda block: block.tiles):
            made = coder.encode([block.images for block in batch], step, self.lossless)
            own = [[image.shape for image in block.images] for block in batch]
            if self.check:
                errors += self._checked(batch, coder.decode(made, own, step, self.lossless))
            streams += made
            counts += [len(block.images) for block in batch]
            shapes += [shape for each in own for shape in each]
            rows += [index for block in batch for index in block.rows]
            self.on_progress(len(rows))
        if not rows:
            raise _nothing(self.images)
        header = Header(
            model=self.codec.fingerprint,
            mode="lossless" if self.lossless else "lossy",
            step=step,
            tile=coder.tile,
            sizes=[(len(list(run)), *shape) for shape, run in itertools.groupby(shapes)],
        )
        names = self._names(rows) if self.names else None
        data, header = pack(header, counts, streams, names)
        if self.check:
            again = unpack(data)
            if again.damage or again.blocks != streams or again.names != names or again.header.shapes() != shapes:
                raise _broken()
        values = sum(np.prod(shape) for shape in shapes)
        return Compressed(data, header, tuple(skipped), errors / values if self.check else None)

    def _checked(self, batch: list[ImageBlock], found: list[Array] | None) -> float:
        """Return the summed squared error of the decoded images."""
        images = [image for block in batch for image in block.images]
        if found is None or (self.lossless and any((a != b).any() for a, b in zip(images, found, strict=True))):
            raise _broken()
        return float(sum(((a.astype(np.float64) - b) ** 2).sum() for a, b in zip(images, found, strict=True))) / 255**2

    def _names(self, rows: list[int]) -> Names:
        times = self.images.times
        known = times is not None and not np.isnat(times[rows]).any()
        seconds = times[rows].astype("datetime64[s]").astype(np.int64).tolist() if times is not None and known else []
        return Names(ids=self.images.ids[rows].tolist(), times=seconds)


@dataclass(frozen=True)
class _Whole:
    """An undamaged block: its bytes, and the positions of its images."""

    stream: bytes
    rows: range


def _image_set(pixels: dict[int, Array], names: Names, channels: int, source: str) -> ImageSet:
    """Return the decoded images in order; as a dense array if all have one shape."""
    rows = sorted(pixels)
    shapes = [pixels[row].shape for row in rows]
    columns: dict[str, Any] = {"ids": np.array([names.ids[row] for row in rows], str), "source": source}
    if names.times:
        columns["times"] = np.array([names.times[row] for row in rows], "datetime64[s]")
    if len(set(shapes)) == 1:
        return ImageSet(np.stack([pixels[row] for row in rows]), **columns)
    if not rows:
        return ImageSet(np.empty((0, 1, 1, channels), np.uint8), **columns)
    decoders = tuple(lambda _size, image=pixels[row]: image for row in rows)
    sizes, own = np.array([shape[:2] for shape in shapes]), np.array([shape[2] for shape in shapes])
    return ImageSet(LazyPixels(decoders), sizes=sizes, channels=own, depths=np.full(len(rows), 8), **columns)


def _check_nothing_lost(images: ImageSet) -> None:
    """Raise ImagesError if image files contain more than their pixels, which a lossless file would lose."""
    found = losses(images)
    if found:
        named = "; ".join(f"{loss.id} loses {loss.what}" for loss in found[:3])
        raise ImagesError(
            f"expected images that are pixels of 8 bits and nothing else, to keep them without loss, got {len(found)} of "
            f"{len(images)} that hold more: {named}. Convert these first, leave them out, or compress with --quality."
        )


def _broken() -> RuntimeError:
    return RuntimeError("what was written does not decode to what it was made of: nothing was kept. Please report this.")


def _nothing(images: ImageSet) -> ImagesError:
    return ImagesError(f"expected at least one image to compress, got none from {images.source}.")


def fingerprint(file: ModelFile) -> str:
    """Return 32 hexadecimal digits that identify the networks and tables of a model file."""
    digest = sha256(file.preprocess.model_dump_json().encode())
    for key, part in sorted(file.parts.items()):
        digest.update(f"{key} {part.name} {sorted(part.config.items())}".encode())
        for name, tensor in sorted(part.tensors.items()):
            digest.update(f"{name} {tensor.shape} {tensor.dtype}".encode() + np.ascontiguousarray(tensor).tobytes())
    return digest.hexdigest()[:32]
