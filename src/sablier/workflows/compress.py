"""The workflows `compress` and `decompress`, and what a .sabz file contains."""

import os
from collections.abc import Callable, Collection
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sablier.errors import ConfigError, ContainerError, OutputError
from sablier.files import write_each, write_whole
from sablier.files.kinds import COMPRESSED, PNG, check_replaces
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.tasks.codec.codec import QUALITY, Codec, Compressed, Decompressed
from sablier.tasks.codec.container import MAGIC, Container, unpack
from sablier.tasks.codec.peers import Rates, lossless_bytes, lossy_rates, pca_rates
from sablier.workflows.image_files import as_file
from sablier.workflows.likeness import read_like
from sablier.workflows.naming import picture_paths
from sablier.workflows.outputs import check_file_apart, writes

MOST_COMPARED, FEWEST_FOR_PCA = 300, 40
QUALITIES_COMPARED = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
OURS = "sablier"


@writes("compress", "source", file=COMPRESSED)
def compress(
    model: str | PathLike[str],
    source: Any,
    output: str | PathLike[str],
    quality: int = QUALITY,
    *,
    lossless: bool = False,
    target_bytes: float | None = None,
    names: bool = True,
    check: bool = True,
    picture: str | PathLike[str] | None = None,
    on_progress: Callable[[int], None] = lambda images: None,
    **reading: Any,
) -> Compressed:
    """Compress the images of a source into one .sabz file.

    Args:
        model: a .sablier file of the recipe `codec`. Keep it: decompression needs it.
        source: images: anything that `read_images` takes.
        output: the .sabz file, written as a whole or not at all.
        quality: from 1, the fewest bytes, to 100, the smallest error.
        lossless: keep every pixel; `quality` is then ignored.
        target_bytes: choose the highest quality with at most so many mean bytes per image.
        names: keep the names and times of images.
        check: decode everything and compare.
        picture: a .png file for a chart of errors by bytes, with PNG, WebP, JPEG and others, of at most 300 images.
        on_progress: called with the number of images done so far.
        **reading: options of `read_images`.

    Returns:
        The compressed file, its header and its error.

    Raises:
        ModelFileError, ImagesError, ConfigError: as for `Codec.compressed`.
        OutputError: if a file cannot be written, or would replace the model or an image.
    """
    output = Path(output)
    if picture is not None:
        if Path(picture).suffix.lower() != ".png":
            raise OutputError(f"expected a .png file for the chart, got {picture}.")
        if Path(picture).resolve() == output.resolve():
            raise OutputError(f"{output} and {picture} are one. Name two files.")
        check_file_apart(source, Path(picture))
        check_replaces(Path(picture), PNG)
    codec = Codec(file := ModelFile.load(Path(model)))
    images = read_like(file, source, **reading)
    found = codec.compressed(
        images, quality, lossless=lossless, target_bytes=target_bytes, names=names, check=check, on_progress=on_progress
    )
    write_whole(output, found.data)
    if check and output.read_bytes() != found.data:
        raise OutputError(f"{output} does not read back as it was written. Write it to another disk.")
    if picture is not None:
        # Plotting is imported only when needed.
        from sablier.report.rates import rates_chart

        write_whole(Path(picture), rates_chart(*compare(codec, images)))
    return found


def compare(codec: Codec, images: ImageSet) -> tuple[dict[str, Rates], dict[str, float]]:
    """Compare a codec with others on an even sample of at most 300 images.

    Returns:
        By name: mean bytes per image and mean squared error at several qualities; mean bytes per image without loss.
    """
    some = images.take(np.linspace(0, len(images) - 1, min(MOST_COMPARED, len(images))).astype(int))
    exact = codec.compressed(some, lossless=True, names=False, check=False, whole_files=False)
    decoded = codec.decompress(exact.data).images
    pixels = list(decoded)
    ours = [codec.compressed(decoded, quality, names=False) for quality in QUALITIES_COMPARED]
    lossy = {OURS: [(each.bytes_an_image, each.mse or 0.0) for each in ours]} | lossy_rates(pixels)
    if decoded.uniform and len(decoded) >= FEWEST_FOR_PCA:
        half = np.arange(len(decoded)) % 2 == 0
        lossy["PCA of the other half, a byte a number"] = pca_rates(decoded.array[half], decoded.array[~half])
    return lossy, {OURS: exact.bytes_an_image} | lossless_bytes(pixels)


@writes("decompress", adds=True)
def decompress(
    path: str | PathLike[str],
    output: str | PathLike[str],
    model: str | PathLike[str],
    *,
    only: Collection[int] | None = None,
    on_progress: Callable[[int], None] = lambda images: None,
) -> Decompressed:
    """Write the images of a .sabz file as PNG files, under their original names and with their times.

    The images of all undamaged blocks are written; the result names the lost ones. Names that are not unique, or not valid
    on every file system, get a number. Existing files with other contents are not replaced.

    Args:
        path: the .sabz file.
        output: the folder.
        model: the model file that it was compressed with.
        only: positions of the wanted images, from 0; other blocks are not decoded. None: all.
        on_progress: called with the number of images done so far.

    Raises:
        ContainerError: if the file cannot be read at all, or needs another model.
        ModelFileError: if the model is no codec. OutputError: if images cannot be written.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> import sablier
        >>> with TemporaryDirectory() as folder:
        ...     model, file = f"{folder}/c.sablier", f"{folder}/threes.sabz"
        ...     recipe = sablier.make_recipe("codec", "tiny", ["epochs=1", "latent=4", "context.epochs=1"])
        ...     _ = sablier.train("digits[label=3]", model, recipe)
        ...     _ = sablier.compress(model, "digits:test[label=3]", file)
        ...     print(len(sablier.decompress(file, f"{folder}/images", model).images))
        28
    """
    path, folder = Path(path), Path(output)
    if folder.is_file():
        raise OutputError(f"{folder} is a file. Name a folder to write images to with -o.")
    if only is not None and (not only or min(only) < 0):
        raise ConfigError(f"expected numbers of images from 0 on, got {sorted(only)[:3]}.")
    codec = Codec(model)
    found = codec.decompress(_bytes(path), str(path), only=only, on_progress=on_progress)
    images = found.images
    if only is not None and not len(images) and not found.lost:
        raise ConfigError(f"{path} holds no image of a number that is wanted: they are numbered from 0.")
    paths = picture_paths(folder, map(str, images.ids))
    # Existing files may be from a killed run of the same command.
    there = [index for index, each in enumerate(paths) if os.path.lexists(each)]
    present = next((paths[index] for index in there if not _holds(paths[index], as_file(images[index])[1])), None)
    if present is not None:
        raise OutputError(f"{present} is there already, and may be the only copy of something. Choose another folder with -o.")

    def write(index: int) -> None:
        write_whole(paths[index], as_file(images[index])[1])
        if images.times is not None:
            seconds = int(images.times[index].astype("datetime64[s]").astype(int))
            os.utime(paths[index], (seconds, seconds))

    write_each(write, range(len(images)))
    return found


def examine(path: str | PathLike[str]) -> Container:
    """Return the contents of a .sabz file as far as they can be read without a model.

    Raises:
        ContainerError: if the file cannot be read at all.
    """
    return unpack(_bytes(Path(path)), str(path))


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data


def is_container(path: Path) -> bool:
    """Return whether a file has the first bytes or the suffix of a .sabz file."""
    if path.suffix == ".sabz":
        return True
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ContainerError(f"{path} cannot be read: {error.strerror}. Name a .sabz file.") from error
