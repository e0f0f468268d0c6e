"""compress = load, read, code, write whole; decompress = read, decode, write pictures; and what a .sabz file says of itself."""

import os
from collections.abc import Callable, Collection
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sablier.errors import ConfigError, ContainerError, OutputError
from sablier.files import write_each, write_whole
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile
from sablier.tasks.codec.codec import QUALITY, Codec, Compressed, Decompressed
from sablier.tasks.codec.container import MAGIC, Container, unpack
from sablier.tasks.codec.peers import Rates, lossless_bytes, lossy_rates, pca_rates
from sablier.workflows.image_files import as_file
from sablier.workflows.likeness import read_like
from sablier.workflows.naming import picture_paths

MOST_COMPARED, FEWEST_FOR_PCA = 300, 40
QUALITIES_COMPARED = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
OURS = "sablier"


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
        model: a .sablier file of the recipe `codec`. It is needed again to decompress: keep it.
        source: whatever `read_images` takes; `reading` are its options.
        output: the file, written whole or not at all.
        quality, lossless, target_bytes, names, check: see `Codec.compressed`.
        picture: a .png file for a chart of errors by bytes, beside PNG, WebP, JPEG and others, of at most 300 of the images.

    Raises:
        ModelFileError, ImagesError, ConfigError: see `Codec.compressed`.
        OutputError: where a file cannot be written, or would replace the model or one of the images.
    """
    output = Path(output)
    if output.is_dir():
        raise OutputError(f"{output} is a folder. Name a file, for example -o {output / 'images.sabz'}.")
    if picture is not None and Path(picture).suffix.lower() != ".png":
        raise OutputError(f"expected a .png file for the chart, got {picture}.")
    _check_replaces_nothing([output, *([] if picture is None else [Path(picture)])], Path(model), source)
    codec = Codec(file := ModelFile.load(Path(model)))
    images = read_like(file, source, **reading)
    found = codec.compressed(
        images, quality, lossless=lossless, target_bytes=target_bytes, names=names, check=check, on_progress=on_progress
    )
    write_whole(output, found.data)
    if check and output.read_bytes() != found.data:
        raise OutputError(f"{output} does not read back as it was written. Write it to another disk.")
    if picture is not None:
        # Drawing is imported only when something is drawn.
        from sablier.report.rates import rates_chart

        write_whole(Path(picture), rates_chart(*compare(codec, images)))
    return found


def compare(codec: Codec, images: ImageSet) -> tuple[dict[str, Rates], dict[str, float]]:
    """Return what a codec and others make of images, at most 300 of them, drawn evenly.

    Returns:
        Mean bytes of an image and mean squared error at several qualities, and mean bytes of an image without any error, by name.
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


def decompress(
    path: str | PathLike[str],
    output: str | PathLike[str],
    model: str | PathLike[str],
    *,
    only: Collection[int] | None = None,
    on_progress: Callable[[int], None] = lambda images: None,
) -> Decompressed:
    """Write the images of a .sabz file as PNG files below a folder, under the names and with the times they had.

    Of a damaged file, the images of all blocks that are whole are written; the result says which are lost. Names that are not
    unique, or not on every file system, are numbered.

    Args:
        only: numbers of the images that are wanted, from 0; no block is decoded for others. None: all.

    Raises:
        ContainerError: for a file that cannot be read at all, or that takes another model.
        ModelFileError: for a file that is not a codec; OutputError where images cannot be written.
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
    present = next((each for each in paths if each.exists()), None)
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
    """Return what a .sabz file says of itself, and what of it is whole; this takes no model.

    Raises:
        ContainerError: for a file that cannot be read at all.
    """
    return unpack(_bytes(Path(path)), str(path))


def _check_replaces_nothing(outputs: list[Path], model: Path, source: Any) -> None:
    """Raise OutputError where a file to be written is the model, or may be one of the images, or both are one."""
    resolved = [path.resolve() for path in outputs]
    if len(set(resolved)) < len(resolved) or model.resolve() in resolved:
        raise OutputError(
            f"{' and '.join(map(str, outputs))} cannot be written: one is the model, or both are one. Choose others."
        )
    came = Path(source).resolve() if isinstance(source, str | Path) else None
    for path, target in zip(outputs, resolved, strict=True):
        if came is None or not came.exists():
            continue
        inside = target == came or (came.is_dir() and target.is_relative_to(came))
        if inside and target.exists() and not is_container(target):
            raise OutputError(f"{path} holds images, or is one of them. Choose another file with -o.")


def is_container(path: Path) -> bool:
    """Return whether a file starts as a .sabz file does, or is called like one."""
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
