"""Checks for every command that writes: the output is separate from the input, locked, and replaces no file of another kind.

`writes` decorates the function of a command; its checks run before the work begins.
"""

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from sablier.errors import OutputError
from sablier.files.kinds import ANYTHING, BY_SUFFIX, Kind, check_replaces
from sablier.files.locking import locked, locked_file
from sablier.files.manifest import listed
from sablier.images.formats.folders import is_image_name
from sablier.images.sources import place_of

P = ParamSpec("P")
R = TypeVar("R")


def writes(
    verb: str,
    *reads: str,
    file: Kind | Callable[[Path], Kind | None] | None = None,
    otherwise: str | None = None,
    adds: bool = False,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator for a function that writes to its argument `output`, a folder unless `file` says otherwise.

    Without an output nothing is checked.

    Args:
        verb: the name of the command; its runs follow each other in a folder.
        reads: the arguments that are sources, or lists of them.
        file: the kind of file that is written, or a function from the path to it, None for a folder.
        otherwise: the argument that is the output if none is given.
        adds: whether runs into one folder add files, so that none removes those of an earlier run.

    Raises:
        OutputError: from the function, if the output is inside the input or contains it; if another process writes to it; if
            it would replace a file of another kind.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            given = signature.bind(*args, **kwargs).arguments
            output, kind = given.get("output"), file
            if output is None:
                # What is replaced on purpose is read first, which checks its kind.
                output, kind = given.get(str(otherwise)), ANYTHING
            if output is None:
                return function(*args, **kwargs)
            path = Path(output)
            check_local(path)
            kind = kind if kind is None or isinstance(kind, Kind) else kind(path)
            sources = [source for name in reads for source in _listed(given.get(name))]
            with output_folder(path, None if adds else verb, *sources) if kind is None else output_file(path, kind, *sources):
                return function(*args, **kwargs)

        return checked

    return decorate


def by_suffix(path: Path) -> Kind:
    """Return the kind of file with this suffix, or that of any file, which the command then refuses."""
    return BY_SUFFIX.get(path.suffix.lower(), ANYTHING)


@contextmanager
def output_folder(folder: Path, verb: str | None, *sources: Any) -> Iterator[None]:
    """Lock a folder for this run, and list what it writes (`sablier.files.manifest`); without a verb, nothing is listed.

    Raises:
        OutputError: if it is inside a source or contains one, or if another process writes to it.
    """
    for source in sources:
        check_apart(source, folder)
    with locked(folder, needed=False), nullcontext() if verb is None else listed(folder, verb):
        yield


@contextmanager
def output_file(path: Path, kind: Kind, *sources: Any) -> Iterator[None]:
    """Lock a file for this run.

    Raises:
        OutputError: if it is or is inside a source, if another process writes it, or if it is a file of another kind.
    """
    for source in sources:
        check_file_apart(source, path)
    check_replaces(path, kind)
    with locked_file(path):
        yield


def check_local(path: Path) -> None:
    """Raise OutputError for a URL, which `Path` has shortened; a drive has one letter."""
    if re.match(r"[a-z][a-z0-9+.-]+:/", path.as_posix(), re.IGNORECASE):
        raise OutputError(f"expected a place on this machine to write to, got a URL: {path.as_posix()}. Choose one with -o.")


def check_apart(source: Any, folder: Path) -> None:
    """Raise OutputError if results would be among their images, or would be read as images the next time."""
    came = place_of(source)
    if came is None:
        return
    goes, came = folder.resolve(), came.expanduser().resolve()
    nested = came.is_dir() and (goes.is_relative_to(came) or came.is_relative_to(goes))
    place = came if came.is_dir() else came.parent
    if nested or goes == came or (goes == place and is_image_name(came.name.lower())):
        raise OutputError(f"{folder} is or shares the folder of the images. Choose one apart from {place} with -o.")


def check_file_apart(source: Any, path: Path) -> None:
    """Raise OutputError if a file would replace one of its images, or would be read as one the next time."""
    came = place_of(source)
    if came is None:
        return
    goes, came = path.resolve(), came.expanduser().resolve()
    if goes == came or (came.is_dir() and goes.is_relative_to(came)):
        raise OutputError(f"{path} is or lies among the images it would be made of. Choose another place with -o.")


def _listed(sources: Any) -> list[Any]:
    """Return one source, several or none as a list."""
    if sources is None:
        return []
    return list(sources) if isinstance(sources, list | tuple) else [sources]
