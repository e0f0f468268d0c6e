"""compress = load, read, code, write whole; decompress = read, decode, write pictures; and what a .sabz file says of itself."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from pathlib import Path
from typing import Any

from sablier.errors import ContainerError, OutputError
from sablier.files import write_whole
from sablier.images.sources import read_images
from sablier.tasks.codec.codec import QUALITY, Codec, Compressed, Decompressed
from sablier.tasks.codec.container import MAGIC, Container, unpack
from sablier.workflows.denoise import write_image
from sablier.workflows.naming import picture_path

WRITERS = 8  # files written at once


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
    on_progress: Callable[[int], None] = lambda images: None,
    **reading: Any,
) -> Compressed:
    """Compress the images of a source into one .sabz file.

    Args:
        model: a .sablier file of the recipe `codec`. It is needed again to decompress: keep it.
        source: whatever `read_images` takes; `reading` are its options.
        output: the file, written whole or not at all.
        quality, lossless, target_bytes, names, check: see `Codec.compressed`.

    Raises:
        ModelFileError, ImagesError, ConfigError: see `Codec.compressed`.
        OutputError: where the file cannot be written, or is one of the images.
    """
    output = Path(output)
    if output.is_dir():
        raise OutputError(f"{output} is a folder. Name a file, for example -o {output / 'images.sabz'}.")
    if isinstance(source, str | Path) and Path(source).is_file() and Path(source).resolve() == output.resolve():
        raise OutputError(f"{output} holds the images themselves. Choose another file with -o.")
    codec = Codec(model)
    images = read_images(source, **reading)
    found = codec.compressed(
        images, quality, lossless=lossless, target_bytes=target_bytes, names=names, check=check, on_progress=on_progress
    )
    write_whole(output, found.data)
    return found


def decompress(
    path: str | PathLike[str],
    output: str | PathLike[str],
    model: str | PathLike[str],
    *,
    on_progress: Callable[[int], None] = lambda images: None,
) -> Decompressed:
    """Write the images of a .sabz file as PNG files below a folder, under the names and with the times they had.

    Of a damaged file, the images of all blocks that are whole are written; the result says which are lost.

    Raises:
        ContainerError: for a file that cannot be read at all, or that takes another model.
        ModelFileError: for a file that is not a codec; OutputError where images cannot be written.
    """
    path, folder = Path(path), Path(output)
    if folder.is_file():
        raise OutputError(f"{folder} is a file. Name a folder to write images to with -o.")
    codec = Codec(model)
    found = codec.decompress(_bytes(path), str(path), on_progress)
    images = found.images

    def write(index: int) -> None:
        name = str(images.ids[index])
        write_image(folder, name, images[index])
        if images.times is not None:
            seconds = int(images.times[index].astype("datetime64[s]").astype(int))
            os.utime(picture_path(folder, name), (seconds, seconds))

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(len(images))))
    return found


def examine(path: str | PathLike[str]) -> Container:
    """Return what a .sabz file says of itself, and what of it is whole; this takes no model.

    Raises:
        ContainerError: for a file that cannot be read at all.
    """
    return unpack(_bytes(Path(path)), str(path))


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
