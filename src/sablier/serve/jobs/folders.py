"""The folder of a job: what it is given, and what is removed again."""

import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from sablier.serve.jobs.kinds import MODEL
from sablier.serve.jobs.outcome import OUTPUT
from sablier.serve.jobs.record import RECORD

Upload = Callable[[Path], object]  # writes a zip archive of images to a path

ID = re.compile(r"[0-9a-f]{16}")
UPLOADS = "uploads"


def bring(folder: Path, sources: Mapping[str, Path | Upload]) -> dict[str, str]:
    """Make the folder of a job with what it reads, and return where that is: relative to the folder, or absolute.

    Raises:
        OSError: if a file cannot be read or written.
    """
    kept = {}
    for name in (UPLOADS, MODEL, OUTPUT):
        (folder / name).mkdir(parents=True)
    for name, source in sources.items():
        if not isinstance(source, Path):
            source(folder / UPLOADS / f"{name}.zip")
            kept[name] = f"{UPLOADS}/{name}.zip"
        elif name == MODEL:
            shutil.copyfile(source, folder / MODEL / source.name)
            kept[name] = f"{MODEL}/{source.name}"
        else:
            kept[name] = str(source.absolute())
    return kept


def clear(folder: Path, keep_output: bool) -> None:
    """Remove what a job that has ended was given, and what it wrote unless that is kept."""
    for name in (UPLOADS, MODEL) if keep_output else (UPLOADS, MODEL, OUTPUT):
        shutil.rmtree(folder / name, ignore_errors=True)


def remove(folder: Path) -> None:
    """Remove the folder of a job, its record first: a folder without one is removed at the next start."""
    with suppress(OSError):
        (folder / RECORD).unlink()
    shutil.rmtree(folder, ignore_errors=True)
