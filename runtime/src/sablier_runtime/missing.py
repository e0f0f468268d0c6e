"""What sablier-runtime leaves out: named data sets, which take packages that it does not install."""

from collections.abc import Iterator
from contextlib import contextmanager

from sablier.errors import ImagesError


@contextmanager
def named_sets_refused(source: object) -> Iterator[None]:
    """Say of a source that takes other packages, as named data sets do, that sablier reads it.

    Raises:
        ImagesError: where reading it imports a package that is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ImagesError(
            f"expected a file or a folder of images, got {source}, which takes the package {error.name}. Named data sets are "
            "read by sablier itself; name a folder as ./NAME if you mean one."
        ) from error
