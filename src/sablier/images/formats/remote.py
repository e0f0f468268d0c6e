"""Images behind a URL: s3://, gs://, az://, hf:// and every other that fsspec opens. Nothing is written there.

A folder is listed, and its image files are read whole, several at a time, when a chunk of them is wanted. An image of a stream is
read once, for its header and its pixels. Any other file, such as an archive, is copied to a temporary file first.

A read that fails is tried again, after longer and longer pauses; one that takes too long fails (a file system that is not
asynchronous, such as that of hf://, has a timeout of its own). What is not there, or may not be read, is not tried again.
"""

import re
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from hashlib import sha256
from io import BytesIO
from pathlib import Path, PurePosixPath
from time import sleep
from typing import Any, BinaryIO, TypeVar

from sablier.errors import ImagesError, PackageError
from sablier.files.names import as_id
from sablier.images.decoding import Entry, image_chunks
from sablier.images.formats.archives import check_member
from sablier.images.formats.base import Options
from sablier.images.formats.folders import folder_labels, is_image_name, what_else
from sablier.images.imageset import ImageSet
from sablier.images.walking import is_hidden

T = TypeVar("T")

READERS = 16  # files read at once: nearly all of the time is spent waiting
ATTEMPTS, PAUSE_SECONDS = 4, 0.5  # the pause doubles
TIMEOUT_SECONDS = 60.0  # of one attempt to read a file
URL = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
PACKAGES = {"s3": "sablier[remote]", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "hf": "huggingface_hub"}
# Attempts are counted here, so those of the library below are few.
S3 = {"config_kwargs": {"connect_timeout": 10, "read_timeout": TIMEOUT_SECONDS, "retries": {"max_attempts": 0}}}
FILE_SYSTEM_OPTIONS: dict[str, dict[str, Any]] = {"s3": S3, "s3a": S3}


def is_remote(source: object) -> bool:
    """Return whether a source is a URL.

    >>> is_remote("s3://bucket/photos"), is_remote("photos/"), is_remote("mnist:test")
    (True, False, False)
    """
    return isinstance(source, str) and URL.match(source) is not None


def stream_remote(url: str, options: Options, chunk: int | None) -> Iterator[ImageSet] | None:
    """Return the images of a folder, or the one of an image file; None for a file of another kind.

    Raises:
        PackageError: if fsspec, or what it needs for such a URL, is not installed.
        ImagesError: if the URL cannot be read.
    """
    system, path = _file_system(url)
    with _clear(url):
        info = _retried(partial(system.info, path))
    if info["type"] != "directory":
        if not is_image_name(path.lower()):
            return None
        return _stream([_Remote(system, path, PurePosixPath(path).name, info.get("size"))], [None], options, chunk, url)
    with _clear(url):
        below = _retried(partial(system.find, path, detail=True))
    sizes = {name.removeprefix(path).lstrip("/"): each.get("size") for name, each in below.items()}
    names = sorted(name for name in sizes if not is_hidden(name))
    images = [name for name in names if is_image_name(name.lower())]
    files = [_Remote(system, f"{path.rstrip('/')}/{name}", name, sizes[name]) for name in images]
    return _stream(files, folder_labels(images), options, chunk, url, lambda: what_else(names))


def fetched(url: str) -> Path:
    """Return a local copy of a remote file, which is removed when the program ends.

    Raises:
        ImagesError: if it cannot be read.
    """
    system, path = _file_system(url)
    local = Path(_copies().name, sha256(url.encode()).hexdigest()[:16], PurePosixPath(path).name)
    if not local.exists():
        local.parent.mkdir(exist_ok=True)
        part = local.with_name(".part")
        with _clear(url):
            _retried(partial(system.get_file, path, str(part)))
        part.rename(local)
    return local


@dataclass
class _Remote:
    """A remote image file.

    Args:
        system: the file system of fsspec that has it.
        path: where it is there.
        name: its path below the folder that is read.
        size: in bytes; None if it is not known.
        coming: its bytes, while they are read ahead, and then until the header and the pixels were read.
        opened: whether the header was read.
    """

    system: Any
    path: str
    name: str
    size: int | None
    coming: "Future[bytes] | None" = None
    opened: bool = False

    def ahead(self, pool: ThreadPoolExecutor) -> None:
        """Start to read it."""
        self.coming, self.opened = pool.submit(self._read), False

    def open(self) -> BinaryIO:
        """Return its bytes.

        Raises:
            ImagesError: if it cannot be read.
        """
        coming = self.coming
        if self.opened:
            self.coming = None
        self.opened = True
        return BytesIO(self._read() if coming is None else coming.result())

    def _read(self) -> bytes:
        check_member(self.name, self.size or 0)
        with _clear(as_id(self.name)):
            return _retried(self._read_once)

    def _read_once(self) -> bytes:
        if not self.system.async_impl:
            return bytes(self.system.cat_file(self.path))
        from fsspec.asyn import sync

        return bytes(sync(self.system.loop, self.system._cat_file, self.path, timeout=TIMEOUT_SECONDS))


def _stream(
    files: list[_Remote], labels: list[str | None] | list[None], options: Options, chunk: int | None, url: str,
    otherwise: Callable[[], str] = lambda: "",
) -> Iterator[ImageSet]:  # fmt: skip
    """Yield the images of files; those of a chunk are read ahead, while a whole source is not kept in memory."""
    with ThreadPoolExecutor(READERS) as pool:
        entries = (
            Entry(as_id(file.name), label, None, file.open, None if chunk is None else partial(file.ahead, pool))
            for file, label in zip(files, labels, strict=True)
        )
        yield from image_chunks(entries, chunk, options, url, otherwise)


def _file_system(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path in it."""
    match = URL.match(url)
    assert match is not None
    protocol = match[1].lower()
    try:
        import fsspec

        system, path = fsspec.url_to_fs(url, **FILE_SYSTEM_OPTIONS.get(protocol, {}))
    except ImportError as error:
        package = PACKAGES.get(protocol, "sablier[remote]") if error.name != "fsspec" else "sablier[remote]"
        raise PackageError(f"{protocol}:// needs packages that are not installed. Run: pip install '{package}'") from error
    except ValueError as error:
        raise ImagesError(f"{url}: expected a URL such as s3://bucket/photos, got one that cannot be opened: {error}.") from error
    if hasattr(system, "retries"):
        system.retries = 1
    return system, str(path)


@contextmanager
def _clear(what: str) -> Iterator[None]:
    """Convert what a file system raises, which is of many types, to an ImagesError."""
    try:
        yield
    except ImagesError:
        raise
    except FileNotFoundError as error:
        raise ImagesError(f"{what}: there is no such bucket, folder or file. Check the name.") from error
    except Exception as error:
        reason = str(error) or type(error).__name__
        if _is_final(error):
            raise ImagesError(
                f"{what}: it may not be read ({reason}). Check the credentials, and whether they allow to list and to read it."
            ) from error
        raise ImagesError(
            f"{what}: it could not be read in {ATTEMPTS} attempts ({reason}). Check the network and the address."
        ) from error


def _retried(function: Callable[[], T]) -> T:
    """Return what a function returns; where it fails, and another attempt may help, call it again."""
    for attempt in range(ATTEMPTS - 1):
        try:
            return function()
        except Exception as error:
            if _is_final(error):
                raise
        sleep(PAUSE_SECONDS * 2**attempt)
    return function()


def _is_final(error: Exception) -> bool:
    """Return whether another attempt cannot help: the file is not there, or may not be read."""
    return isinstance(error, FileNotFoundError | PermissionError) or "Credential" in type(error).__name__


@cache
def _copies() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="sablier-")
