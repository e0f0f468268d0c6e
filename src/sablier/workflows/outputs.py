"""What holds of every verb that writes: it writes apart from what it reads, alone, and over nothing of another kind.

`writes` is put on the function of a verb; what it says is seen to before the work begins.
"""

import inspect
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

    Nothing is checked where there is no output.

    Args:
        verb: whose results follow each other in a folder.
        reads: the arguments that are sources, or lists of them.
        file: the kind of file that is written; or what says so of a path, None of a folder.
        otherwise: the argument that is the output where none is given.
        adds: whether runs into one folder add to each other, so that none removes what an earlier one made.

    Raises:
        OutputError: from the function, where the output lies inside what is read, or the other way round; where another process
            writes to it; where it would replace a file of another kind.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            given = signature.bind(*args, **kwargs).arguments
            output, kind = given.get("output"), file
            if output is None:
                # What is replaced on purpose is read first, and says by itself if it is of another kind.
                output, kind = given.get(str(otherwise)), ANYTHING
            if output is None:
                return function(*args, **kwargs)
            path = Path(output)
            kind = kind if kind is None or isinstance(kind, Kind) else kind(path)
            sources = [source for name in reads for source in _listed(given.get(name))]
            with output_folder(path, None if adds else verb, *sources) if kind is None else output_file(path, kind, *sources):
                return function(*args, **kwargs)

        return checked

    return decorate


def by_suffix(path: Path) -> Kind:
    """Return the kind of file that an ending stands for, or that of anything, which the verb then refuses."""
    return BY_SUFFIX.get(path.suffix.lower(), ANYTHING)


@contextmanager
def output_folder(folder: Path, verb: str | None, *sources: Any) -> Iterator[None]:
    """Keep a folder to this run, and list what it writes there: see `sablier.files.manifest`; without a verb nothing is listed.

    Raises:
        OutputError: where it lies inside a source, or holds one; where another process writes to it.
    """
    for source in sources:
        check_apart(source, folder)
    with locked(folder, needed=False), nullcontext() if verb is None else listed(folder, verb):
        yield


@contextmanager
def output_file(path: Path, kind: Kind, *sources: Any) -> Iterator[None]:
    """Keep the writing of a file to this run.

    Raises:
        OutputError: where it is or lies inside a source; where another process writes it; where it is there, of another kind.
    """
    for source in sources:
        check_file_apart(source, path)
    check_replaces(path, kind)
    with locked_file(path):
        yield


def check_apart(source: Any, folder: Path) -> None:
    """Raise OutputError where results would lie among the images they come from, or be read as images next time."""
    came = place_of(source)
    if came is None:
        return
    goes, came = folder.resolve(), came.expanduser().resolve()
    nested = came.is_dir() and (goes.is_relative_to(came) or came.is_relative_to(goes))
    place = came if came.is_dir() else came.parent
    if nested or goes == came or (goes == place and is_image_name(came.name.lower())):
        raise OutputError(f"{folder} is or shares the folder of the images. Choose one apart from {place} with -o.")


def check_file_apart(source: Any, path: Path) -> None:
    """Raise OutputError where a file would replace an image it is made of, or be read as one next time."""
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
