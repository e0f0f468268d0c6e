"""The folder of files that a page needs, beside it: written as a whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sablier.errors import OutputError
from sablier.files.manifest import listed
from sablier.files.whole import make_folder, move_whole
from sablier.workflows.outputs import check_apart


def files_folder(page: Path) -> Path:
    """Return the folder of the files of a page, named as browsers name it.

    >>> files_folder(Path("out/page.html")).as_posix()
    'out/page_files'
    """
    return page.with_name(f"{page.stem}_files")


@contextmanager
def files_beside(page: Path, verb: str, *sources: object) -> Iterator[Path]:
    """Yield a folder to write files into; at the end they replace those of the last run beside the page.

    If the block fails, nothing is replaced. Files of the user's are kept, as `listed` says.

    Args:
        page: is locked by this process.
        verb: the name of the command; its runs follow each other.
        sources: what is read, which must be apart.

    Raises:
        OutputError: if a source is in the folder, or a file cannot be written.
    """
    folder = files_folder(page)
    for source in sources:
        check_apart(source, folder)
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file, and the pictures of {page.name} belong in a folder of that name. Move it away.")
    new = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)  # of a killed run
    try:
        yield new
        make_folder(folder)
        with listed(folder, verb):
            for file in sorted(path for path in new.rglob("*") if path.is_file()):
                move_whole(file, folder / file.relative_to(new))
    finally:
        shutil.rmtree(new, ignore_errors=True)
