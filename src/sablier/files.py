"""Writing files whole or not at all."""

import os
import secrets
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from sablier.errors import OutputError

T = TypeVar("T")

WRITERS = 8  # files written at once: most of the time goes by waiting for the disk


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that a reader finds the old file or the new one, never a part of either.

    Raises:
        OutputError: where it cannot be written; the old file, if any, is left as it was.
    """
    part = path.parent / f".{path.name}.{secrets.token_hex(8)}.part"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException as error:
        with suppress(OSError):  # where not even its folder could be made
            part.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise OutputError(f"{path} could not be written: {error.strerror or error}. What was there before is whole.") from error


def write_each(write: Callable[[T], None], items: Iterable[T]) -> None:
    """Call `write` with each item, several at a time; raise the first error after those that were begun."""
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, items))
